import { findProblems } from './referee.js'
import { Storm, type StormResult } from './storm.js'
import { newCounts, type StormCounts } from './storm-counts.js'

/** Of each storm, the calm after it not counted. */
const STORM_MINUTES = 8

export interface SoakTotals extends StormCounts {
  seeds: number
  seconds: number
}

/**
 * Storms of seed after seed, until so many minutes are simulated.
 * @param progress called after each; `loss` tells why its cluster can't go on, if so
 * @throws Error with the seed and what happened, of the first one that goes wrong
 */
export async function soak(
  from: number,
  minutes: number,
  progress: (totals: Readonly<SoakTotals>, loss: string | undefined) => void,
): Promise<SoakTotals> {
  const startedAt = performance.now()
  const totals: SoakTotals = { seeds: 0, seconds: 0, ...newCounts() }
  for (let seed = from; totals.minutes < minutes; seed++) {
    const { counts, loss } = await runStorm(seed)
    add(totals, counts)
    totals.seconds = (performance.now() - startedAt) / 1000
    progress(totals, loss && `seed ${seed}: ${loss}`)
  }
  return totals
}

/** @throws Error with all that happened if anything is wrong */
export async function runStorm(seed: number, minutes = STORM_MINUTES): Promise<StormResult> {
  const storm = new Storm(seed)
  try {
    const result = await storm.run(minutes)
    const problems = result.loss === undefined ? findProblems(result) : []
    if (problems.length > 0) throw new Error(problems.join('\n'))
    return result
  } catch (error) {
    throw new Error(`seed ${seed}: ${String(error)}\n${storm.describe()}`, { cause: error })
  }
}

function add(totals: SoakTotals, counts: StormCounts): void {
  totals.seeds++
  for (const key of Object.keys(counts) as (keyof StormCounts)[]) {
    totals[key] = key === 'recoveryMs' ? Math.max(totals[key], counts[key]) : totals[key] + counts[key]
  }
}
