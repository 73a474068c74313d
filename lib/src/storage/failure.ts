import { LegionError } from '../base/errors.js'

/** How the disks of this world say that they are full. */
const FULL = /quota|ENOSPC|EDQUOT|no space left/i
const CAUSES_MAX = 5

/**
 * What a failure of the disk becomes.
 * @param doing for example `writing`
 */
export function storageError(store: string, doing: string, cause: unknown): LegionError {
  if (LegionError.is(cause)) return cause
  const reasons = reasonsOf(cause)
  const advice = reasons.some((reason) => FULL.test(reason))
    ? 'It is full: free some space, then open it again'
    : 'Check the disk, then open it again'
  return new LegionError('E_STORAGE', `${doing} store "${store}" failed (${reasons.join('; ')}). ${advice}.`, { cause })
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
