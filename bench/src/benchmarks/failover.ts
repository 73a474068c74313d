import type { Benchmark } from '../benchmark.js'
import type { Lab } from '../lab/lab.js'
import { type Tab, Tabs } from '../lab/tabs.js'
import { seriesOf } from '../statistics.js'
import { PEERS, STACK } from './common.js'

const CLOSES = 20
const KILLS = 5

export const failover: Benchmark = {
  name: 'failover',
  about:
    "From the moment the leader ends until another peer's next command is applied: three Chromium tabs of which the leader's is closed (20 times), three Node peers of which the leader is killed with SIGKILL (5 times; the election timeout is 3 to 6 s, but a link that breaks starts an election at once).",
  alternative: undefined,
  async run(lab) {
    const closed = await repeat(lab.quick ? 3 : CLOSES, await closings(lab))
    const killed = await repeat(lab.quick ? 1 : KILLS, (i) => killOnce(lab, i))
    return [
      { label: "the leader's tab is closed", unit: 'ms', ours: seriesOf(closed), beside: undefined },
      { label: 'the leading Node peer is killed', unit: 'ms', ours: seriesOf(killed), beside: undefined },
    ]
  },
}

async function repeat(times: number, once: (run: number) => Promise<number>): Promise<number[]> {
  const tookMs: number[] = []
  for (let run = 0; run < times; run++) tookMs.push(await once(run))
  return tookMs
}

async function closings(lab: Lab): Promise<(run: number) => Promise<number>> {
  const tabs = await Tabs.start()
  lab.onStop(() => tabs.stop())
  const signaling = await lab.signalingUrl()
  return async (run) => {
    const opened = await tabs.open(PEERS, `closing-${run}`, signaling)
    const leader = await findLeader(opened)
    const [other, ...rest] = opened.filter((tab) => tab !== leader)
    if (other === undefined) throw new Error('there is no other tab')
    const startMs = performance.now()
    const closing = leader.close()
    await other.command()
    const tookMs = performance.now() - startMs
    await closing
    await Promise.all([other, ...rest].map((tab) => tab.close()))
    return tookMs
  }
}

async function findLeader(tabs: readonly Tab[]): Promise<Tab> {
  for (const tab of tabs) if (await tab.leads()) return tab
  throw new Error('no tab leads')
}

async function killOnce(lab: Lab, run: number): Promise<number> {
  const cluster = await lab.cluster(PEERS, STACK, 'memory', `killed-${run}`)
  const startMs = performance.now()
  const dead = cluster.leader.stop('SIGKILL')
  await cluster.follower.ask('command')
  const tookMs = performance.now() - startMs
  await Promise.all([dead, ...cluster.followers.map((peer) => peer.stop())])
  return tookMs
}
