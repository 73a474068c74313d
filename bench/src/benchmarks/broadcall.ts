import type { Benchmark, Row } from '../benchmark.js'
import type { Latency } from '../peer/figures.js'
import { RAW_CHANNEL, RUN_MS, recordOf, STACK } from './common.js'

const SIZE_BYTES = 100
const CASES = [
  { label: '3 peers', peers: 3 },
  { label: '5 peers', peers: 5 },
] as const

export const broadcall: Benchmark = {
  name: 'broadcall',
  about:
    'legion.broadcall with 100 bytes there and back, from one peer to all others, until all have answered, one after the other. Beside it the round trip of the bare channel, to one peer.',
  alternative: RAW_CHANNEL,
  async run(lab) {
    const cases = lab.select(CASES)
    const raw = await lab.connectedRawPair(STACK)
    const callers = new Map<string, Awaited<ReturnType<typeof lab.cluster>>>()
    for (const { label, peers } of cases) callers.set(label, await lab.cluster(peers, STACK, 'memory', label))
    const subjects: Record<string, () => Promise<Latency>> = {
      [RAW_CHANNEL]: () => raw.ping(SIZE_BYTES, RUN_MS),
      ...recordOf(cases, ({ label, peers }) => async () => {
        const caller = callers.get(label)?.follower
        if (caller === undefined) throw new Error(`there is no cluster of ${label}`)
        return caller.ask('broadcallLatency', SIZE_BYTES, RUN_MS, peers - 1)
      }),
    }
    const measured = await lab.measure(subjects)
    const ping = measured[RAW_CHANNEL]
    for (const [label, latency] of Object.entries(measured)) lab.distribution(label, latency)
    return cases.flatMap(({ label }): Row[] => [
      { label: `${label}, p50`, unit: 'ms', ours: measured[label]?.p50, beside: ping?.p50 },
      { label: `${label}, p99`, unit: 'ms', ours: measured[label]?.p99, beside: ping?.p99 },
    ])
  },
}
