import { setTimeout } from 'node:timers/promises'
import { Legion } from 'legion-mesh'
import { type JoinSettings, optionsOf } from './legion-tasks.js'

const BROADCAST_GAP_MS = 10

let crowd: readonly Legion[] = []
let heard = 0
const handlers = { hear: () => void heard++ }

/** Many Legions in one process. */
export const crowdTasks = {
  async openCrowd(settings: JoinSettings, count: number): Promise<void> {
    const options = { ...(await optionsOf(settings)), handlers }
    crowd = Array.from({ length: count }, () => Legion.open(options))
  },

  /** @returns how many others the peer can call that can call the fewest */
  leastReached(): number {
    return Math.min(...crowd.map(({ peers }) => peers.size))
  },

  async broadcastOften(times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      crowd[i % crowd.length]?.messages<typeof handlers>().broadcast('hear')
      await setTimeout(BROADCAST_GAP_MS)
    }
  },

  /** @returns broadcasts that came to a handler, and messages of broadcasts that were sent */
  broadcastCounts(): { readonly heard: number; readonly sent: number } {
    const sent = crowd.reduce((sum, legion) => sum + legion.status().mesh.relay.broadcasts, 0)
    return { heard, sent }
  },

  async closeCrowd(): Promise<void> {
    await Promise.all(crowd.map((legion) => legion.close()))
    crowd = []
  },
}
