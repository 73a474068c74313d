import { DecodeError, type Decoder, readCount } from '../codec/decode.js'
import { type Encoder, writeCount } from '../codec/encode.js'

/** What an entry with several commands of one session says of all of them, and of each besides its call. */
export interface CommandNumbers {
  readonly session: number
  readonly lowest: number
  readonly commands: readonly CommandNumber[]
}

export interface CommandNumber {
  /** Its sequence number. */
  readonly number: number
  readonly timestampMs: number
}

/** Of one entry. */
export const COMMANDS_MAX = 1024
const NONE_BEFORE: CommandNumber = { number: 0, timestampMs: 0 }

/** Of each command how much its numbers are above those of the one before: they must not fall. */
export function writeCommandNumbers(encoder: Encoder, { session, lowest, commands }: CommandNumbers): void {
  writeCount(encoder, session)
  writeCount(encoder, lowest)
  writeCount(encoder, commands.length)
  let before = NONE_BEFORE
  for (const command of commands) {
    writeCount(encoder, command.number - before.number)
    writeCount(encoder, command.timestampMs - before.timestampMs)
    before = command
  }
}

export function readCommandNumbers(decoder: Decoder): CommandNumbers {
  const session = readCount(decoder)
  const lowest = readCount(decoder)
  const commands: CommandNumber[] = []
  const count = readCount(decoder, COMMANDS_MAX)
  if (count === 0) throw new DecodeError('an entry of no commands')
  let before = NONE_BEFORE
  for (let left = count; left > 0; left--) {
    before = { number: readSum(decoder, before.number), timestampMs: readSum(decoder, before.timestampMs) }
    commands.push(before)
  }
  return { session, lowest, commands }
}

function readSum(decoder: Decoder, before: number): number {
  const sum = before + readCount(decoder)
  if (sum > Number.MAX_SAFE_INTEGER) throw new DecodeError(`${sum} is above all counts`)
  return sum
}
