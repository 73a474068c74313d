import type { Benchmark } from '../benchmark.js'
import { atMost } from '../bound.js'
import type { Cluster } from '../lab/cluster.js'
import { Tabs } from '../lab/tabs.js'
import { seriesOf } from '../statistics.js'
import { PEERS, STACK } from './common.js'

const CLOSES = 20
const KILLS = 5
const WANTED_MS = 500

export const failover: Benchmark = {
  name: 'failover',
  about:
    "From the moment the leader ends until another peer's next command is applied: three Chromium tabs of which the leader's is closed and another one opened (20 times), three Node peers of which the leader is killed with SIGKILL (5 clusters at the same time, as they only wait; the election timeout is 3 to 6 s, but a link that breaks starts an election at once).",
  alternative: undefined,
  async run(lab) {
    const tabs = await Tabs.open(PEERS, await lab.signalingUrl())
    lab.onStop(() => tabs.stop())
    const clusters: Cluster[] = []
    while (clusters.length < (lab.quick ? 1 : KILLS)) {
      clusters.push(await lab.cluster(PEERS, STACK, 'memory', `killed ${clusters.length + 1}`))
    }
    const closed = await lab.measureOnce(() => closings(tabs, lab.quick ? 3 : CLOSES))
    const killed = await lab.measureOnce(() => Promise.all(clusters.map(killOnce)))
    const beside = undefined
    return [
      { label: "the leader's tab is closed", unit: 'ms', ours: seriesOf(closed), beside, bound: atMost(WANTED_MS) },
      { label: 'the leading Node peer is killed', unit: 'ms', ours: seriesOf(killed), beside },
    ]
  },
}

/** The next leader's tab, again and again; there are always three. */
async function closings(tabs: Tabs, times: number): Promise<number[]> {
  const tookMs: number[] = []
  while (tookMs.length < times) {
    const { leader, others } = await tabs.settled()
    const startMs = performance.now()
    const closing = tabs.close(leader)
    await others[0]?.command()
    tookMs.push(performance.now() - startMs)
    await closing
    await tabs.add()
  }
  return tookMs
}

async function killOnce({ leader, follower }: Cluster): Promise<number> {
  const startMs = performance.now()
  const dead = leader.stop('SIGKILL')
  await follower.ask('command')
  const tookMs = performance.now() - startMs
  await dead
  return tookMs
}
