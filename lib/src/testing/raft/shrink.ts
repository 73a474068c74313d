import { runSchedule, type Schedule } from './schedule.js'
import type { Step } from './steps.js'

/**
 * A short schedule that fails like a long one, by leaving out steps: first large parts, then smaller ones, in the end
 * single steps.
 * @param maxRuns gives up looking for a shorter one after so many runs
 */
export function shrinkSchedule({ setup, steps }: Schedule, maxRuns: number): Schedule {
  const failure = runSchedule({ setup, steps })
  if (failure === undefined) return { setup, steps }
  let shortest = steps.slice(0, failure.steps)
  let runs = 0
  const fails = (shorter: readonly Step[]) => {
    runs++
    const found = runSchedule({ setup, steps: shorter })
    return found !== undefined && isLike(found.error, failure.error)
  }
  for (let size = Math.ceil(shortest.length / 2); runs < maxRuns; ) {
    const before = shortest.length
    shortest = withoutParts(shortest, size, (shorter) => runs < maxRuns && fails(shorter))
    if (size === 1 && shortest.length === before) break
    size = Math.max(1, Math.ceil(size / 2))
  }
  return { setup, steps: shortest }
}

/** Leaves out each part of `size` steps that is not needed, from the end to the beginning. */
function withoutParts(steps: readonly Step[], size: number, fails: (steps: readonly Step[]) => boolean): Step[] {
  let rest = [...steps]
  for (let end = rest.length; end > 0; end -= size) {
    const shorter = [...rest.slice(0, Math.max(0, end - size)), ...rest.slice(end)]
    if (fails(shorter)) rest = shorter
  }
  return rest
}

/** The same sentence, whatever the names and numbers in it. */
function isLike(one: Error, other: Error): boolean {
  return one.name === other.name && wording(one) === wording(other)
}

function wording({ message }: Error): string {
  return (message.split('\n')[0] ?? '')
    .replace(/\{.*\}|\[.*\]/g, '')
    .replace(/\b(\w|\d+)\b/g, '')
    .replace(/\W+/g, ' ')
}
