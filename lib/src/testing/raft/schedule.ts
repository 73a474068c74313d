import { heal } from './heal.js'
import type { Setup } from './setup.js'
import { formatStep, parseStep, type Step } from './steps.js'
import { World } from './world.js'

/** What happens to which cluster; after the last step all faults end. */
export interface Schedule {
  readonly setup: Setup
  readonly steps: readonly Step[]
}

export interface Failure {
  readonly error: Error
  /** How many steps had happened; all of them if it is the healing that failed. */
  readonly steps: number
}

/** @returns what went wrong, undefined if nothing did */
export function runSchedule({ setup, steps }: Schedule): Failure | undefined {
  let done = 0
  try {
    const world = new World(setup)
    for (const step of steps) {
      done++
      world.step(step)
    }
    heal(world)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { error, steps: done }
  }
  return undefined
}

/** The form in which schedules are kept: JSON, one step a line. */
export function writeSchedule({ setup, steps }: Schedule, title: string): string {
  const lines = { title, setup, steps: steps.map(formatStep) }
  return `${JSON.stringify(lines, undefined, 2)}\n`
}

/** The inverse of `writeSchedule`. @throws Error for a step that is none */
export function readSchedule(text: string): Schedule & { readonly title: string } {
  const { title, setup, steps } = JSON.parse(text) as { title: string; setup: Setup; steps: readonly string[] }
  return { title, setup, steps: steps.map(parseStep) }
}
