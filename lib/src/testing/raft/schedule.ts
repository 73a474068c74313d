import { heal } from './heal.js'
import type { Setup } from './setup.js'
import type { Step } from './steps.js'
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
  const world = new World(setup)
  let done = 0
  try {
    for (const step of steps) {
      done++
      world.step(step)
    }
    heal(world, { staysCalm: staysCalm(setup) })
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { error, steps: done }
  }
  return undefined
}

/** With these nobody who was removed or cut off can disturb the others. */
export function staysCalm({ core }: Setup): boolean {
  return (core.preVote ?? true) && (core.checkQuorum ?? true)
}
