import type { Benchmark, Row } from '../benchmark.js'
import type { Cluster } from '../lab/cluster.js'
import { PEERS, type RateSubjects, RUN_MS, rateOf, recordOf, STACK } from './common.js'

const SIZES = [
  { label: '16 B', sizeBytes: 16 },
  { label: '1 KiB', sizeBytes: 1024 },
] as const

const LOADS = [
  { label: '1 in flight, from the leader', inFlight: 1, everybodyProposes: false },
  { label: '100 in flight, from the leader', inFlight: 100, everybodyProposes: false },
  { label: '10,000 in flight, from the leader', inFlight: 10_000, everybodyProposes: false },
  { label: '100 in flight, from all three', inFlight: 100, everybodyProposes: true },
  { label: '10,000 in flight, from all three', inFlight: 10_000, everybodyProposes: true },
] as const

interface Case {
  readonly label: string
  /** Label of the size. */
  readonly size: string
  readonly sizeBytes: number
  readonly inFlight: number
  readonly everybodyProposes: boolean
}

const CASES: readonly Case[] = SIZES.flatMap((size) =>
  LOADS.map((load) => ({ ...size, ...load, size: size.label, label: `${size.label}, ${load.label}` })),
)

export const consistentThroughput: Benchmark = {
  name: 'consistent-throughput',
  about:
    'applyConsistent (kv set) with three voters in memory: commands settled per second, with so many in flight, all proposed by the leader or a third by each peer. Beside it messages of the same size per second, one way, on the bare channel.',
  async run(lab) {
    const raw = await lab.connectedRawPair(STACK)
    const cluster = await lab.cluster(PEERS, STACK)
    const limits: RateSubjects = recordOf(
      SIZES,
      ({ sizeBytes }) =>
        async () =>
          rateOf(await raw.flood(sizeBytes, RUN_MS)),
    )
    const ours: RateSubjects = recordOf(CASES, (each) => () => commandRate(cluster, each))
    const measured = await lab.measure({ ...limits, ...ours })
    await cluster.requireSameLeader()
    return CASES.map(
      ({ label, size }): Row => ({
        label,
        unit: 'commands/s',
        ours: measured[label]?.rate,
        limit: measured[size]?.rate,
      }),
    )
  },
}

/** Of all proposers together. */
async function commandRate({ leader, peers }: Cluster, { sizeBytes, inFlight, everybodyProposes }: Case) {
  const proposers = everybodyProposes ? peers : [leader]
  const each = Math.ceil(inFlight / proposers.length)
  const rates = await Promise.all(proposers.map((peer) => peer.ask('commandRate', sizeBytes, each, RUN_MS)))
  return { rate: rates.reduce((sum, rate) => sum + rateOf(rate).rate, 0) }
}
