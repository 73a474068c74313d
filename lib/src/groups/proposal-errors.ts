import { LegionError, type Outcome } from '../base/errors.js'
import type { CommandResult } from '../machines/machine.js'

/** A command that the machine carried out by refusing it or by throwing. */
export function refusal(result: Exclude<CommandResult, { ok: true }>): LegionError {
  if (result.rejected !== undefined) {
    return new LegionError('E_REJECTED', result.rejected, { details: result.details, outcome: 'not-applied' })
  }
  const problem = 'The command threw an error and changed nothing; see cause, if it was applied here first.'
  return new LegionError('E_COMMAND_FAILED', problem, { cause: result.cause, outcome: 'not-applied' })
}

export function timedOut(outcome: Outcome, hasLeader: boolean): LegionError {
  return hasLeader
    ? new LegionError('E_TIMEOUT', 'The group did not commit the command in time.', { outcome })
    : new LegionError('E_NO_QUORUM', 'No majority of the voters can be reached, so nothing can be agreed.', { outcome })
}

/** The replicated table forgot the session: nobody can tell any more what was applied of it. */
export function sessionExpired(outcome: Outcome): LegionError {
  const problem = 'The group forgot this session (too many others came since): read the state before trying again.'
  return new LegionError('E_SESSION_EXPIRED', problem, { outcome })
}

export function outputDropped(): LegionError {
  const problem = 'The command was applied, but its output is not kept any longer: read the state.'
  return new LegionError('E_SESSION_EXPIRED', problem, { outcome: 'unknown' })
}

export function noRoomForSession(): LegionError {
  const problem = 'The group has as many sessions as it can, all of members: remove members that are gone.'
  return new LegionError('E_BUSY', problem, { outcome: 'not-applied' })
}

export function dropped(): LegionError {
  const problem = 'The leader did not take the command, and { once: false } forbids to try again.'
  return new LegionError('E_DROPPED', problem, { outcome: 'not-applied' })
}

/** @param limit what is exhausted and how to set it */
export function busy(limit: string): LegionError {
  return new LegionError('E_BUSY', `${limit}: await some commands first.`, { outcome: 'not-applied' })
}

export function commandTooLarge(bytes: number, limitBytes: number): LegionError {
  const problem = `The command has ${bytes} bytes, the limit is ${limitBytes} (limits.commandBytes).`
  return new LegionError('E_TOO_LARGE', problem, { outcome: 'not-applied' })
}

export function unsessionedPersist(): LegionError {
  const problem = '{ persist: true } needs the session: do not combine it with { once: false }.'
  return new LegionError('E_INVALID', problem, { outcome: 'not-applied' })
}

export function noDurableStorage(): LegionError {
  const problem = '{ persist: true } needs durable storage: see the option "storage".'
  return new LegionError('E_UNSUPPORTED', problem, { outcome: 'not-applied' })
}

export function diskFailed(outcome: Outcome, cause: unknown): LegionError {
  return new LegionError('E_STORAGE', 'The disk failed under the persistent commands: restart.', { outcome, cause })
}
