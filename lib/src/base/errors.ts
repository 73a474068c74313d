/** Every code a `LegionError` may carry. Stable: programs may branch on them. */
export type ErrorCode =
  | 'E_ABORTED'
  | 'E_BUSY'
  | 'E_CLOSED'
  | 'E_COMMAND_FAILED'
  | 'E_DIVERGED'
  | 'E_DROPPED'
  | 'E_EJECTED'
  | 'E_INVALID'
  | 'E_MACHINE'
  | 'E_NOT_PLAIN'
  | 'E_NOT_READY'
  | 'E_NO_HANDLER'
  | 'E_NO_PEER'
  | 'E_NO_QUORUM'
  | 'E_OUTDATED'
  | 'E_REJECTED'
  | 'E_REMOTE'
  | 'E_SESSION_EXPIRED'
  | 'E_SIGNALING'
  | 'E_SPLIT'
  | 'E_STORAGE'
  | 'E_STORAGE_LOCKED'
  | 'E_TIMEOUT'
  | 'E_TOO_LARGE'
  | 'E_TURN_NEEDED'
  | 'E_UNAUTHORIZED'
  | 'E_UNKNOWN_COMMAND'
  | 'E_UNSUPPORTED'
  | 'E_VERSION'

/**
 * What is known of a write that failed: it certainly was not applied and never will be, or it may have been or may
 * still be.
 */
export type Outcome = 'not-applied' | 'unknown'

export interface LegionErrorOptions {
  cause?: unknown
  outcome?: Outcome | undefined
  /** Plain data that the other side gave with the refusal (`Rejected`, remote errors). */
  details?: unknown
}

const MARK = Symbol.for('legion-mesh.error')

/**
 * The one error class of the library. `code` is stable; `message` is a sentence that says what to do; `outcome` is
 * there on everything that may have been a write.
 */
export class LegionError extends Error {
  override readonly name = 'LegionError'
  readonly code: ErrorCode
  readonly outcome: Outcome | undefined
  readonly details: unknown

  constructor(code: ErrorCode, message: string, options: LegionErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.outcome = options.outcome
    this.details = options.details
    Object.defineProperty(this, MARK, { value: true })
  }

  /** True for the errors of any copy of this package. */
  static is(value: unknown): value is LegionError {
    return typeof value === 'object' && value !== null && MARK in value
  }
}

/** An impossible state: a bug here, never something a peer or a user can cause. Carries the numbers. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/**
 * Throws an InvariantError unless `condition` holds.
 * @param describe gives the message, numbers included; called only on failure
 */
export function invariant(condition: boolean, describe: () => string): asserts condition {
  if (!condition) throw new InvariantError(describe())
}
