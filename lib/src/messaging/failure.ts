import { LegionError } from '../base/errors.js'
import { encodeValue, type Value } from '../codec/value.js'
import { type Failure, MAX_CODE_LENGTH, MAX_ERROR_TEXT_LENGTH } from './protocol.js'

const MAX_DETAILS_BYTES = 4 * 1024

/** What may cross of something thrown: code, text and plain details, bounded; never the stack or the cause. */
export function describeFailure(thrown: unknown): Failure {
  try {
    const details = LegionError.is(thrown) ? smallValue(thrown.details) : undefined
    return { code: codeOf(thrown), message: clip(textOf(thrown), MAX_ERROR_TEXT_LENGTH), details }
  } catch {
    // A getter or toString of the thrown object threw in turn.
    return { code: undefined, message: 'an error that can not be described', details: undefined }
  }
}

/** The caller's error for a failure that came back. */
export function remoteError(name: string, failure: Failure): LegionError {
  const code = failure.code === undefined ? '' : ` (${failure.code})`
  return new LegionError('E_REMOTE', `The peer's handler of ${name} failed${code}: ${failure.message}`, {
    outcome: 'unknown',
    details: failure,
  })
}

function codeOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? clip(thrown.code, MAX_CODE_LENGTH) : undefined
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error || LegionError.is(thrown) ? String(thrown.message) : String(thrown)
}

function clip(text: string, maxLength: number): string {
  return text.slice(0, maxLength).toWellFormed()
}

function smallValue(details: unknown): Value {
  try {
    return encodeValue(details).length <= MAX_DETAILS_BYTES ? (details as Value) : undefined
  } catch {
    return undefined
  }
}
