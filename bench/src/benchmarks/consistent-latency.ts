import type { Benchmark } from '../benchmark.js'
import { ratioAtMost } from '../bound.js'
import { PEERS, RAW_CHANNEL, RUN_MS, STACK, WARM_UP_MS } from './common.js'

const SIZE_BYTES = 16
const PING_BYTES = 100

export const consistentLatency: Benchmark = {
  name: 'consistent-latency',
  about:
    'applyConsistent (kv set, 16 bytes) with three voters in memory, one command after the other. Beside it the round trip of 100 bytes on the bare channel; a command needs one of them from the leader, two from a follower.',
  alternative: RAW_CHANNEL,
  async run(lab) {
    const raw = await lab.connectedRawPair(STACK)
    const cluster = await lab.cluster(PEERS, STACK, 'memory')
    const subjects = (runMs: number) => ({
      ping: () => raw.ping(PING_BYTES, runMs),
      leader: () => cluster.leader.ask('commandLatency', SIZE_BYTES, runMs),
      follower: () => cluster.follower.ask('commandLatency', SIZE_BYTES, runMs),
    })
    const { ping, leader, follower } = await lab.measure(subjects(RUN_MS), subjects(WARM_UP_MS))
    await cluster.requireSameLeader()
    lab.distribution(RAW_CHANNEL, ping)
    lab.distribution('leader', leader)
    lab.distribution('follower', follower)
    return [
      { label: 'leader, p50', unit: 'ms', ours: leader.p50, beside: ping.p50, bound: ratioAtMost(1.5) },
      { label: 'leader, p99', unit: 'ms', ours: leader.p99, beside: ping.p99 },
      { label: 'follower, p50', unit: 'ms', ours: follower.p50, beside: ping.p50, bound: ratioAtMost(2.6) },
      { label: 'follower, p99', unit: 'ms', ours: follower.p99, beside: ping.p99 },
    ]
  },
}
