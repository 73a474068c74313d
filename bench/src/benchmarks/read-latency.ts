import type { Benchmark } from '../benchmark.js'
import { PEERS, RAW_CHANNEL, RUN_MS, STACK, WARM_UP_MS } from './common.js'

const PING_BYTES = 100

export const readLatency: Benchmark = {
  name: 'read-latency',
  about:
    'read (kv get, linearizable) with three voters, one after the other. Beside it the round trip of 100 bytes on the bare channel; a read needs one of them from the leader, two from a follower.',
  alternative: RAW_CHANNEL,
  async run(lab) {
    const raw = await lab.connectedRawPair(STACK)
    const cluster = await lab.cluster(PEERS, STACK, 'memory')
    const subjects = (runMs: number) => ({
      ping: () => raw.ping(PING_BYTES, runMs),
      leader: () => cluster.leader.ask('readLatency', runMs),
      follower: () => cluster.follower.ask('readLatency', runMs),
    })
    const { ping, leader, follower } = await lab.measure(subjects(RUN_MS), subjects(WARM_UP_MS))
    await cluster.requireSameLeader()
    lab.distribution(RAW_CHANNEL, ping)
    lab.distribution('leader', leader)
    lab.distribution('follower', follower)
    return [
      { label: 'leader, p50', unit: 'ms', ours: leader.p50, beside: ping.p50 },
      { label: 'leader, p99', unit: 'ms', ours: leader.p99, beside: ping.p99 },
      { label: 'follower, p50', unit: 'ms', ours: follower.p50, beside: ping.p50 },
      { label: 'follower, p99', unit: 'ms', ours: follower.p99, beside: ping.p99 },
    ]
  },
}
