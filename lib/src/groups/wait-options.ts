import { LegionError, type Outcome } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'

/** How long a caller waits. */
export interface WaitOptions {
  /** Milliseconds above 0, `Infinity` included; then E_TIMEOUT or E_NO_QUORUM. Default 10,000. */
  readonly timeoutMs?: number | undefined
  /** E_ABORTED when it aborts. Default: none. */
  readonly signal?: AbortSignal | undefined
}

export const DEFAULT_TIMEOUT_MS = 10_000

/** When to give up, on the runtime's clock. @throws LegionError E_INVALID */
export function deadlineOf(runtime: Pick<Runtime, 'nowMs'>, timeoutMs = DEFAULT_TIMEOUT_MS): number {
  if (typeof timeoutMs === 'number' && timeoutMs > 0) return runtime.nowMs() + timeoutMs
  throw new LegionError('E_INVALID', `timeoutMs must be a number above 0, not ${String(timeoutMs)}.`, {
    outcome: 'not-applied',
  })
}

/** @param outcome of a write that was given up */
export function aborted(signal: AbortSignal | undefined, outcome?: Outcome | undefined): LegionError {
  return new LegionError('E_ABORTED', 'The caller gave up waiting.', { outcome, cause: signal?.reason })
}

/** Calls `onAbort` if the signal aborts before the returned function is called. */
export function watchAbort(signal: AbortSignal | undefined, onAbort: (signal: AbortSignal) => void): () => void {
  if (signal === undefined) return nothing
  const listener = () => onAbort(signal)
  signal.addEventListener('abort', listener)
  return () => signal.removeEventListener('abort', listener)
}

const nothing = () => {}
