import type { Benchmark, PlotPoint, Row } from '../benchmark.js'
import { type Bound, ratioAtLeast } from '../bound.js'
import type { Cluster } from '../lab/cluster.js'
import type { EtcdClient } from '../lab/etcd.js'
import type { Lab, StorageKind } from '../lab/lab.js'
import type { TimedRate } from '../peer/figures.js'
import type { Series } from '../statistics.js'
import { PEERS, rateOf, recordOf, STACK } from './common.js'

const STORAGES: readonly StorageKind[] = ['memory', 'LevelDB']
const SIZES = [
  { size: '16 B', sizeBytes: 16 },
  { size: '1 KiB', sizeBytes: 1024 },
] as const
/** There are many cases. With many in flight it has to be long enough for more than filling and draining. */
const LOADS = [
  { inFlight: 1, durationMs: 250 },
  { inFlight: 100, durationMs: 250 },
  { inFlight: 10_000, durationMs: 600 },
] as const
const BOUNDS: Readonly<Record<string, Bound>> = {
  'memory, 16 B, 10,000 in flight': ratioAtLeast(20),
  'LevelDB, 16 B, 10,000 in flight': ratioAtLeast(8),
}

interface Case {
  readonly label: string
  readonly storage: StorageKind
  /** Names what etcd does beside it. */
  readonly load: string
  readonly size: string
  readonly sizeBytes: number
  readonly inFlight: number
  readonly durationMs: number
}

const CASES: readonly Case[] = STORAGES.flatMap((storage) =>
  SIZES.flatMap(({ size, sizeBytes }) =>
    LOADS.map(({ inFlight, durationMs }) => {
      const load = `${size}, ${inFlight.toLocaleString('en')} in flight`
      return { label: `${storage}, ${load}`, storage, load, size, sizeBytes, inFlight, durationMs }
    }),
  ),
)

export const consistentThroughput: Benchmark = {
  name: 'consistent-throughput',
  about:
    'applyConsistent (kv set, 1,000 keys) with three voters on three Node peers, with so many commands in flight, all proposed by the leader; in memory and on LevelDB, where every batch is synced. Beside it KV.Put over gRPC to the leader of three etcd processes with the same keys, size and number in flight, which sync too: only LevelDB promises as much as etcd does.',
  alternative: 'etcd',
  async run(lab) {
    const cases = lab.select(CASES)
    const clusters = await startClusters(lab, cases)
    const etcd = await lab.etcd()
    const ours = recordOf(cases, (each) => () => commandRate(clusters, each))
    const theirs = etcd && recordOf(byLoad(cases), (each) => () => putRate(etcd, each))
    const measured = await lab.measure({ ...ours, ...theirs })
    noteRefusals(lab, byLoad(cases), measured)
    for (const cluster of clusters.values()) await cluster.requireSameLeader()
    return cases.flatMap((each) => rowsOf(each, measured))
  },
}

type Figures = Pick<TimedRate, 'p50' | 'p99'> & { readonly rate: number }
type PutFigures = Figures & { readonly refusedShare: number }
type Measured = Readonly<Record<string, { readonly [F in keyof PutFigures]?: Series }>>

async function startClusters(lab: Lab, cases: readonly Case[]): Promise<Map<StorageKind, Cluster>> {
  const clusters = new Map<StorageKind, Cluster>()
  for (const storage of new Set(cases.map((each) => each.storage))) {
    clusters.set(storage, await lab.cluster(PEERS, STACK, storage))
  }
  return clusters
}

function byLoad(cases: readonly Case[]): Case[] {
  return [...new Map(cases.map((each) => [each.load, { ...each, label: each.load }])).values()]
}

async function commandRate(clusters: ReadonlyMap<StorageKind, Cluster>, each: Case): Promise<Figures> {
  const { storage, sizeBytes, inFlight, durationMs } = each
  const leader = clusters.get(storage)?.leader
  if (leader === undefined) throw new Error(`there is no cluster with ${storage}`)
  return figuresOf(await leader.ask('commandRate', sizeBytes, inFlight, durationMs))
}

async function putRate(etcd: EtcdClient, { sizeBytes, inFlight, durationMs }: Case): Promise<PutFigures> {
  const timed = await etcd.putRate(sizeBytes, inFlight, durationMs)
  return { ...figuresOf(timed), refusedShare: timed.refused / (timed.refused + timed.count) }
}

/** How often etcd said that it is too busy. */
function noteRefusals(lab: Lab, cases: readonly Case[], measured: Measured): void {
  for (const { load } of cases) {
    const share = measured[load]?.refusedShare?.median ?? 0
    if (share > 0)
      lab.note(`${load}: etcd refused ${(share * 100).toFixed(0)} % of the puts as too many; they were sent again.`)
  }
}

function figuresOf(timed: TimedRate): Figures {
  return { ...rateOf(timed), p50: timed.p50, p99: timed.p99 }
}

function rowsOf({ label, load, storage, size, inFlight }: Case, measured: Measured): Row[] {
  const ours = measured[label]
  const theirs = measured[load]
  const point: PlotPoint = {
    plot: 'consistent-throughput',
    x: inFlight,
    line: `${storage}, ${size}`,
    besideLine: `etcd, ${size}`,
  }
  return [
    { label, unit: 'commands/s', ours: ours?.rate, beside: theirs?.rate, bound: BOUNDS[label], point },
    { label: `${label}, p50`, unit: 'ms', ours: ours?.p50, beside: theirs?.p50 },
    { label: `${label}, p99`, unit: 'ms', ours: ours?.p99, beside: theirs?.p99 },
  ]
}
