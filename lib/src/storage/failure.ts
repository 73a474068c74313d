import { LegionError } from '../base/errors.js'

/** How the disks of this world say that they are full. */
const FULL = /quota|ENOSPC|EDQUOT|no space left/i
/** How browsers say that the site may not store anything. */
const REFUSED = /^(SecurityError|NotAllowedError)/
const CAUSES_MAX = 5

/**
 * What a failure of the disk becomes.
 * @param doing for example `writing`
 */
export function storageError(store: string, doing: string, cause: unknown): LegionError {
  if (LegionError.is(cause)) return cause
  const reasons = reasonsOf(cause)
  const problem = `${doing} store "${store}" failed (${reasons.join('; ')}). ${adviceFor(reasons)}.`
  return new LegionError('E_STORAGE', problem, { cause })
}

function adviceFor(reasons: readonly string[]): string {
  if (reasons.some((reason) => FULL.test(reason))) return 'It is full: free some space, then open it again'
  if (reasons.some((reason) => REFUSED.test(reason))) return 'Let the site store data, or use no storage'
  return 'Check the disk, then open it again'
}

export function lockedError(store: string): LegionError {
  return new LegionError(
    'E_STORAGE_LOCKED',
    `Store "${store}" is open already, here or in another tab or process: close it there first.`,
  )
}

/** @param what for example `the value of "log/17"` */
export function damagedError(store: string, what: string): LegionError {
  return new LegionError(
    'E_STORAGE',
    `Store "${store}" is damaged: ${what} is not what was written. Remove the store; the cluster has the data.`,
  )
}

function reasonsOf(error: unknown): string[] {
  const reasons: string[] = []
  for (let cause = error; cause !== undefined && cause !== null && reasons.length < CAUSES_MAX; ) {
    if (!(cause instanceof Error)) return [...reasons, String(cause)]
    reasons.push(`${cause.name}: ${cause.message}`)
    cause = cause.cause
  }
  return reasons
}
