import { findProblems } from './referee.js'
import { Storm, type StormGroups, type StormResult } from './storm.js'
import { newCounts, type StormCounts } from './storm-counts.js'

/** Of each storm, the calm after it not counted. */
const STORM_MINUTES = 8
/** After so many failures there is nothing to be learned from more. */
const FAILED_MAX = 100

export interface SoakTotals extends StormCounts {
  seeds: number
  /** Storms in which something went wrong. */
  failed: number
  seconds: number
}

/** What a storm came to that is worth a word. */
export interface SoakNews {
  readonly seed: number
  /** Why its cluster can't go on, as it may happen in a reckless storm. */
  readonly loss: string | undefined
  /** What must not happen. */
  readonly failure: Error | undefined
}

/**
 * Storms of seed after seed, until so many minutes are simulated. One in which something goes wrong ends there, its
 * minutes do not count, and the next begins.
 * @param progress called after each
 */
export async function soak(
  from: number,
  minutes: number,
  groups: StormGroups,
  progress: (totals: Readonly<SoakTotals>, news: SoakNews) => void,
): Promise<SoakTotals> {
  const startedAt = performance.now()
  const totals: SoakTotals = { seeds: 0, failed: 0, seconds: 0, ...newCounts() }
  for (let seed = from; totals.minutes < minutes && totals.failed < FAILED_MAX; seed++) {
    const news = await add(totals, seed, groups)
    totals.seconds = (performance.now() - startedAt) / 1000
    progress(totals, news)
  }
  return totals
}

/** @throws Error with all that happened if anything is wrong */
export async function runStorm(
  seed: number,
  minutes = STORM_MINUTES,
  groups: StormGroups = ['main'],
): Promise<StormResult> {
  const storm = new Storm(seed, groups)
  try {
    const result = await storm.run(minutes)
    const problems = result.loss === undefined ? findProblems(result) : []
    if (problems.length > 0) throw new Error(problems.join('\n'))
    return result
  } catch (error) {
    throw new Error(`seed ${seed}: ${String(error)}\n${storm.describe()}`, { cause: error })
  }
}

async function add(totals: SoakTotals, seed: number, groups: StormGroups): Promise<SoakNews> {
  totals.seeds++
  try {
    const { counts, loss } = await runStorm(seed, STORM_MINUTES, groups)
    for (const key of Object.keys(counts) as (keyof StormCounts)[]) {
      totals[key] = key === 'recoveryMs' ? Math.max(totals[key], counts[key]) : totals[key] + counts[key]
    }
    return { seed, loss, failure: undefined }
  } catch (error) {
    totals.failed++
    return { seed, loss: undefined, failure: error as Error }
  }
}
