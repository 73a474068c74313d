import type { Benchmark } from '../benchmark.js'
import { ratioAtMost } from '../bound.js'
import { PEERS, RAW_CHANNEL, RUN_MS, STACK, WARM_UP_MS } from './common.js'

const SIZE_BYTES = 100

export const call: Benchmark = {
  name: 'call',
  about:
    'legion.call with 100 bytes there and back, from a follower to the leader of three peers, one call after the other. Beside it the round trip of the bare channel.',
  alternative: RAW_CHANNEL,
  async run(lab) {
    const raw = await lab.connectedRawPair(STACK)
    const { follower, leaderId } = await lab.cluster(PEERS, STACK, 'memory')
    const subjects = (runMs: number) => ({
      ping: () => raw.ping(SIZE_BYTES, runMs),
      ours: () => follower.ask('callLatency', leaderId, SIZE_BYTES, runMs),
    })
    const { ping, ours } = await lab.measure(subjects(RUN_MS), subjects(WARM_UP_MS))
    lab.distribution(RAW_CHANNEL, ping)
    lab.distribution('call', ours)
    return [
      { label: 'p50', unit: 'ms', ours: ours.p50, beside: ping.p50, bound: ratioAtMost(1.3) },
      { label: 'p99', unit: 'ms', ours: ours.p99, beside: ping.p99 },
    ]
  },
}
