import { create } from 'mutative'
import { LegionError } from '../base/errors.js'
import { DecodeError, type Decoder, decodeAll } from '../codec/decode.js'
import { copyValue, encodeValue, freezePlain, readValue, type Value } from '../codec/value.js'
import type { ApplyContext, CommandCall, CommandResult, QueryCall, StateMachine } from './machine.js'
import { Rejected } from './rejected.js'
import type { CommandContext, Functions } from './types.js'

/** Commands and queries whose types are forgotten: what they get is what the log holds. */
export interface UntypedFunctions {
  readonly commands: Functions
  readonly queries: Functions
}

/**
 * The machine behind `defineMachine`.
 *
 * Invariants: the state is plain and deeply frozen; it is exactly what `restore` would make of `snapshot()`, so that a
 * replica that restored and one that did not never differ.
 */
export class DefinedMachine implements StateMachine {
  readonly #functions: UntypedFunctions
  readonly #version: number
  #state: object

  /** @param initial plain and not shared; frozen here */
  constructor(functions: UntypedFunctions, version: number, initial: object) {
    this.#functions = functions
    this.#version = version
    this.#state = freezePlain(initial, undefined, 'state')
  }

  get state(): object {
    return this.#state
  }

  has(command: string): boolean {
    return Object.hasOwn(this.#functions.commands, command)
  }

  apply(call: CommandCall, context: ApplyContext): CommandResult {
    const command = find(this.#functions.commands, call.name)
    if (command === undefined) throw unknown('command', call.name)
    return settle(() => {
      let output: Value
      const next = create(this.#state, (draft) => {
        // Copied before the recipe ends, for drafts in the output die with it.
        output = copyValue(command(draft, copyValue(call.payload, 'payload'), this.#contextOf(context)), 'output')
      })
      this.#state = freezePlain(next, this.#state, 'state')
      return output
    })
  }

  query(call: QueryCall): Value {
    const query = find(this.#functions.queries, call.name)
    if (query === undefined) throw unknown('query', call.name)
    try {
      return copyValue(query(this.#state, copyValue(call.payload, 'payload')), 'answer')
    } catch (cause) {
      throw Rejected.is(cause) ? new LegionError('E_REJECTED', cause.reason, { cause, details: cause.details }) : cause
    }
  }

  snapshot(): Uint8Array {
    return encodeValue(this.#state, 'state')
  }

  restore(snapshot: Uint8Array): void {
    this.#state = freezePlain(decodeAll(snapshot, readState), undefined, 'state')
  }

  #contextOf(context: ApplyContext): CommandContext {
    const { index, timestampMs, from } = context
    return { index, timestampMs, from, random: () => context.random(), version: this.#version }
  }
}

type Untyped = (...args: unknown[]) => unknown

/** The function that really is there by that name, not one that every object inherits. */
function find(functions: Functions, name: string): Untyped | undefined {
  return Object.hasOwn(functions, name) ? (functions[name] as Untyped) : undefined
}

function settle(run: () => Value): CommandResult {
  try {
    return { ok: true, output: run() }
  } catch (cause) {
    if (Rejected.is(cause)) return { ok: false, rejected: cause.reason, details: cause.details }
    return { ok: false, rejected: undefined, cause }
  }
}

function unknown(kind: 'command' | 'query', name: string): LegionError {
  return new LegionError('E_UNKNOWN_COMMAND', `This machine has no ${kind} "${name}".`, { outcome: 'not-applied' })
}

function readState(decoder: Decoder): object {
  const state = readValue(decoder)
  if (typeof state === 'object' && state !== null && !(state instanceof Uint8Array)) return state
  throw new DecodeError(`a state must be an object or a list, not ${typeof state}`)
}
