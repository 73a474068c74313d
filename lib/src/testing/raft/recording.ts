import type { Failure, Schedule } from './schedule.js'
import { type SimulationOptions, Simulator } from './simulator.js'
import type { Step } from './steps.js'

export interface Recording {
  readonly schedule: Schedule
  readonly failure: Failure | undefined
}

/** Runs a seed, and keeps what happened as a schedule, which gives the same run. */
export function recordSeed(seed: number, options: SimulationOptions = {}): Recording {
  const simulator = new Simulator(seed, options)
  const steps: Step[] = []
  simulator.onStep = (step) => steps.push(step)
  const schedule = { setup: simulator.weather.setup, steps }
  try {
    simulator.run()
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { schedule, failure: { error, steps: steps.length } }
  }
  return { schedule, failure: undefined }
}
