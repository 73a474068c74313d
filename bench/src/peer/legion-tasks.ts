import { performance } from 'node:perf_hooks'
import { type kv, Legion, type PeerId } from 'legion-mesh'
import { nodePlatform } from 'legion-mesh/node'
import { countDone, type Latency, latencyOf, type TimedRate, timeEach } from './figures.js'
import { keyAt } from './keys.js'
import type { Stack } from './raw-connection.js'

export interface JoinSettings {
  readonly cluster: string
  readonly signaling: string
  readonly stack: Stack
  /** Of its LevelDB; undefined: all in memory. */
  readonly directory: string | undefined
}

/** What the peer knows of its cluster. */
export interface ClusterView {
  readonly self: PeerId
  readonly leader: PeerId | undefined
  readonly members: number
  readonly voters: number
  readonly links: number
}

const JOIN_TIMEOUT_MS = 300_000
const handlers = { echo: (payload: Uint8Array) => payload }

type BenchLegion = Legion<typeof kv, typeof handlers>

let current: BenchLegion | undefined

/** One Legion per process, and the work it is given. */
export const legionTasks = {
  /** @returns how long it took until its state was here, in milliseconds */
  async join(settings: JoinSettings): Promise<number> {
    const startMs = performance.now()
    current = await join(settings)
    return performance.now() - startMs
  },

  /** Joins. @returns how long it took until its first link, and until its state was here, in milliseconds */
  async joinByLink(settings: JoinSettings): Promise<{ readonly linkMs: number; readonly readyMs: number }> {
    const options = await optionsOf(settings)
    const startMs = performance.now()
    const legion = Legion.open(options)
    current = legion
    const linkMs = await new Promise<number>((resolve) => {
      legion.on('peerJoined', () => resolve(performance.now() - startMs))
    })
    await legion.ready
    return { linkMs, readyMs: performance.now() - startMs }
  },

  async close(): Promise<void> {
    await current?.close()
    current = undefined
  },

  /** For good: the others forget this peer. */
  async leave(): Promise<void> {
    await current?.leave()
    current = undefined
  },

  view(): ClusterView {
    const { self, leader, members, peers } = requireLegion()
    return {
      self: self.id,
      leader,
      members: members.length,
      voters: members.filter(({ role }) => role === 'voter').length,
      links: peers.size,
    }
  },

  /** Resolves when a command is applied here. */
  async command(): Promise<void> {
    await requireLegion().applyConsistent('set', { key: 'command', value: 1 })
  },

  async callLatency(to: PeerId, sizeBytes: number, durationMs: number): Promise<Latency> {
    const legion = requireLegion()
    const payload = new Uint8Array(sizeBytes)
    return latencyOf(await timeEach(durationMs, () => legion.call(to, 'echo', payload)))
  },

  /** @param others how many have to answer, each time */
  async broadcallLatency(sizeBytes: number, durationMs: number, others: number): Promise<Latency> {
    const legion = requireLegion()
    const payload = new Uint8Array(sizeBytes)
    const broadcall = async () => {
      const answers = [...(await legion.broadcall('echo', payload)).values()]
      const count = answers.filter(({ ok }) => ok).length
      if (count !== others) throw new Error(`${count} of ${others} answered`)
    }
    return latencyOf(await timeEach(durationMs, broadcall))
  },

  async commandLatency(sizeBytes: number, durationMs: number): Promise<Latency> {
    return latencyOf(await timeEach(durationMs, commands(sizeBytes)))
  },

  async readLatency(durationMs: number): Promise<Latency> {
    const legion = requireLegion()
    return latencyOf(await timeEach(durationMs, () => legion.read('get', keyAt(0))))
  },

  commandRate(sizeBytes: number, inFlight: number, durationMs: number): Promise<TimedRate> {
    return countDone(durationMs, inFlight, commands(sizeBytes))
  },
}

export function requireLegion(): BenchLegion {
  if (current === undefined) throw new Error('this peer has not joined')
  return current
}

async function join(settings: JoinSettings): Promise<BenchLegion> {
  return Legion.join(await optionsOf(settings))
}

export async function optionsOf({ cluster, signaling, stack, directory }: JoinSettings) {
  const platform = await nodePlatform({ webrtc: stack, directory })
  return { cluster, signaling, platform, handlers, timing: { joinTimeoutMs: JOIN_TIMEOUT_MS } }
}

/** Sets one key after the other to a value of that size. */
function commands(sizeBytes: number): () => Promise<unknown> {
  const legion = requireLegion()
  const value = 'v'.repeat(sizeBytes)
  let next = 0
  return () => legion.applyConsistent('set', { key: keyAt(next++), value })
}
