import { setTimeout } from 'node:timers/promises'
import type { Benchmark, Row } from '../benchmark.js'
import { type Bound, ratioAtLeast } from '../bound.js'
import type { Cluster } from '../lab/cluster.js'
import type { ProcessCost } from '../peer/process-tasks.js'
import { type Series, seriesOf } from '../statistics.js'
import { PEERS, rateOf, recordOf, STACK } from './common.js'

/** Commands at once, of all peers together. */
const BURST = 10_000
/** Nearly as many as one group takes from three peers: 48 for each of 1,000. */
const LARGE_BURST = 48_000
/** It takes so many until everything on the way has been compiled for good. */
const WARM_UP_ROUNDS = 5
/** Groups that were busy stay awake for three seconds. */
const FULL = { counts: [1, 10, 100, 1_000], settleMs: 3_500, windows: 5, windowMs: 600 }
const QUICK = { counts: [1, 10, 100], settleMs: 3_500, windows: 2, windowMs: 600 }
/** Of one group's throughput, with as many commands at once. */
const BOUNDS: Readonly<Record<string, Bound>> = {
  '1,000 busy, 10,000 at once': ratioAtLeast(0.7),
  '1,000 busy, 48,000 at once': ratioAtLeast(0.7),
}

type Scale = typeof FULL

/** So many commands at once, spread evenly over so many groups. */
interface Case {
  readonly label: string
  readonly spread: number
  readonly burst: number
}

/** What so many idle groups cost. */
interface Idle {
  readonly count: number
  readonly openedPerSecond: Series
  /** Of all peers together. */
  readonly cpuPercent: Series
  /** Of one group on one peer. */
  readonly memoryKib: Series
}

export const groups: Benchmark = {
  name: 'groups',
  about:
    'So many groups (kv, in memory) besides main on each of three Node peers. First idle: the processor time of all three processes together, and what one more group costs in memory on one peer. Then 10,000 commands (set, 16 bytes), a third by each peer, all at once, spread evenly over the groups, and 48,000 in the same way; all must succeed. Beside it the same with one group.',
  alternative: 'one group',
  async run(lab) {
    const scale = lab.quick ? QUICK : FULL
    const cluster = await lab.cluster(PEERS, STACK, 'memory')
    const idle = await measureIdle(cluster, scale)
    const cases = casesOf(scale)
    const busy = (rounds: number) => recordOf(cases, (each) => () => last(rounds, () => commandRate(cluster, each)))
    const rates = await lab.measure(busy(1), busy(WARM_UP_ROUNDS))
    return [...idleRows(idle), ...rateRows(cases, rates)]
  },
}

/** Large bursts for the fewest and the most groups only. */
function casesOf({ counts }: Scale): Case[] {
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)]
  const cases = [...counts.map((count) => [count, BURST]), [fewest, LARGE_BURST], [most, LARGE_BURST]] as const
  return cases.map(([spread, burst]) => ({
    label: `${spread.toLocaleString('en')} busy, ${burst.toLocaleString('en')} at once`,
    spread,
    burst,
  }))
}

/** @returns what the last round came to */
async function last<T>(rounds: number, round: () => Promise<T>): Promise<T> {
  for (let i = 1; i < rounds; i++) await round()
  return round()
}

/** The numbers grow in one cluster: groups are added, none is closed. */
async function measureIdle({ peers }: Cluster, scale: Scale): Promise<Idle[]> {
  const before = await memoryOf(peers)
  const idle: Idle[] = []
  let opened = 0
  for (const count of scale.counts) {
    const startMs = performance.now()
    await Promise.all(peers.map((peer) => peer.ask('openGroups', count)))
    const openedPerSecond = seriesOf([((count - opened) * 1000) / (performance.now() - startMs)])
    opened = count
    await setTimeout(scale.settleMs)
    const cpuPercent = await idleCpu(peers, scale)
    const after = await memoryOf(peers)
    const memoryKib = seriesOf(after.map((bytes, i) => (bytes - (before[i] ?? 0)) / 1024 / count))
    idle.push({ count, openedPerSecond, cpuPercent, memoryKib })
  }
  return idle
}

function memoryOf(peers: Cluster['peers']): Promise<number[]> {
  return Promise.all(peers.map((peer) => peer.ask('usedMemory')))
}

/** One figure per window. */
async function idleCpu(peers: Cluster['peers'], { windows, windowMs }: Scale): Promise<Series> {
  const percents: number[] = []
  for (let i = 0; i < windows; i++) {
    const startMs = performance.now()
    const before = await costsOf(peers)
    await setTimeout(windowMs)
    const after = await costsOf(peers)
    const cpuMs = (sumOf(after) - sumOf(before)) * 1000
    percents.push((cpuMs / (performance.now() - startMs)) * 100)
  }
  return seriesOf(percents)
}

function costsOf(peers: Cluster['peers']): Promise<ProcessCost[]> {
  return Promise.all(peers.map((peer) => peer.ask('cost')))
}

function sumOf(costs: readonly ProcessCost[]): number {
  return costs.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
}

/** From the first peer's first command until the last peer's last is settled. */
async function commandRate({ peers }: Cluster, { spread, burst }: Case) {
  const each = Math.ceil(burst / peers.length)
  const spans = await Promise.all(peers.map((peer) => peer.ask('commandGroups', spread, each)))
  const startMs = Math.min(...spans.map((span) => span.startMs))
  const endMs = Math.max(...spans.map((span) => span.endMs))
  return rateOf({ count: each * peers.length, elapsedMs: endMs - startMs })
}

function idleRows(idle: readonly Idle[]): Row[] {
  const one = idle[0]
  return idle.flatMap(({ count, openedPerSecond, cpuPercent, memoryKib }): Row[] => {
    const label = `${count.toLocaleString('en')} idle`
    return [
      { label: `${label}: processor, all peers`, unit: '% of a core', ours: cpuPercent, beside: one?.cpuPercent },
      { label: `${label}: memory of one`, unit: 'KiB', ours: memoryKib, beside: undefined },
      { label: `${label}: opened`, unit: 'groups/s', ours: openedPerSecond, beside: undefined },
    ]
  })
}

function rateRows(cases: readonly Case[], rates: Readonly<Record<string, { readonly rate: Series }>>): Row[] {
  return cases.map(({ label, burst }) => ({
    label,
    unit: 'commands/s',
    ours: rates[label]?.rate,
    beside: rates[cases.find((each) => each.burst === burst)?.label ?? '']?.rate,
    bound: BOUNDS[label],
  }))
}
