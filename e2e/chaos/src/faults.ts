import { between, pick, type Random, shuffled } from './random.js'

/** What happens to one peer: it is killed, stands still, or is killed while it stands still. */
export interface Fault {
  readonly kind: 'kill' | 'pause' | 'pause and kill'
  /** How long it stands still. */
  readonly pausedMs: number
  /** How long it is gone before a new process is started. */
  readonly goneMs: number
}

/** What happens next. */
export interface Step {
  readonly waitMs: number
  /** By its place in the list of those that are well. */
  readonly victims: readonly number[]
  readonly faults: readonly Fault[]
  /** The first victim is the leader, if it is well. */
  readonly hitsLeader: boolean
}

/** Most are shorter than an election, some longer than it takes to be given up. */
const PAUSES_MS = [300, 1_000, 2_500, 9_000] as const
const GONE_MS_MAX = 3_000
const WAIT_MS = [300, 2_500] as const

/** @param well how many peers are well @param victimsMax 1 or more */
export function drawStep(random: Random, well: number, victimsMax: number): Step {
  const count = Math.min(well, between(random, 1, victimsMax))
  const places = shuffled(random, [...Array(well).keys()])
  return {
    waitMs: between(random, ...WAIT_MS),
    victims: places.slice(0, count),
    faults: Array.from({ length: count }, () => drawFault(random)),
    hitsLeader: random() < 0.4,
  }
}

function drawFault(random: Random): Fault {
  const kind = pick(random, ['kill', 'kill', 'pause', 'pause and kill'] as const)
  return { kind, pausedMs: pick(random, PAUSES_MS), goneMs: between(random, 0, GONE_MS_MAX) }
}
