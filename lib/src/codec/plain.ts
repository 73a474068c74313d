import { LegionError } from '../base/errors.js'

/** How deep values may be nested; the root is level 0. */
export const MAX_DEPTH = 100

/** Names on the way from the root to a part, the root's own name first. */
export type Path = readonly string[]
type Container = { readonly [key: string]: unknown }
/** Frozen values never meet the encoder again, so they must already be exactly what decoding would give back. */
type Strictness = 'encodable' | 'exact'

/** The parts of what has none, byte arrays included. */
const NOTHING: readonly string[] = []

/**
 * Refuses what would not arrive as it was sent: functions, symbols, class instances (Date, Map, promises…), bigints
 * above 64 bits, lone surrogates, arrays with holes or names, accessors, hidden properties, symbol keys, keys named
 * `__proto__`, cycles and anything nested deeper than MAX_DEPTH. Objects without a prototype and subclasses of
 * Uint8Array (Node's Buffer) pass: they arrive as plain ones.
 * @param path what the value is called in the error
 * @throws LegionError E_NOT_PLAIN; its message and `details.path` name the offending part
 */
export function assertPlain(value: unknown, path = 'value'): void {
  try {
    assertParts(value, 0)
  } catch (error) {
    throw asRefusal(error, path)
  }
}

/**
 * Deeply freezes `value` after checking that it is plain, and exactly so: encoding and decoding it would change
 * nothing. Byte arrays can't be frozen.
 * @param previous a value that this function returned before: what `value` shares with it at the same place is not
 *   looked at again
 * @throws LegionError E_NOT_PLAIN; parts of `value` may be frozen by then
 */
export function freezePlain<T>(value: T, previous: unknown, path = 'value'): T {
  try {
    freezeParts(value, previous, 0)
  } catch (error) {
    throw asRefusal(error, path)
  }
  return value
}

/** `order.items[2]["unit price"]` */
export function formatPath([root = '', ...keys]: Path): string {
  const steps = keys.map((key) => {
    if (/^[A-Za-z_$][\w$]*$/.test(key)) return `.${key}`
    return /^(0|[1-9]\d*)$/.test(key) ? `[${key}]` : `[${JSON.stringify(key)}]`
  })
  return root + steps.join('')
}

/** What is wrong with a part. Its path is known only when it has come back to the root: most values have none. */
class NotPlain {
  readonly problem: string
  readonly keys: string[] = []

  constructor(problem: string) {
    this.problem = problem
  }
}

function assertParts(value: unknown, depth: number): void {
  let at: string | undefined
  try {
    for (const key of checkedKeys(value, depth, 'encodable')) {
      at = undefined
      checkKey(key)
      at = key
      checkProperty(value as Container, key)
      assertParts((value as Container)[key], depth + 1)
    }
  } catch (error) {
    throw within(error, at)
  }
}

function freezeParts(value: unknown, previous: unknown, depth: number): void {
  let at: string | undefined
  try {
    const keys = checkedKeys(value, depth, 'exact')
    if (keys === NOTHING) return
    const known = new KnownParts(previous)
    for (const key of keys) {
      at = undefined
      const part = (value as Container)[key]
      if (known.has(key, part)) continue
      checkKey(key)
      at = key
      checkProperty(value as Container, key)
      freezeParts(part, known.at(key), depth + 1)
    }
  } catch (error) {
    throw within(error, at)
  }
  Object.freeze(value)
}

/** The same error, of a part with this name. */
function within(error: unknown, key: string | undefined): unknown {
  if (error instanceof NotPlain && key !== undefined) error.keys.unshift(key)
  return error
}

/** The parts of a container that was checked and frozen before. */
class KnownParts {
  readonly #container: Container
  #parts: Set<unknown> | undefined

  constructor(previous: unknown) {
    this.#container = isObject(previous) ? previous : {}
  }

  at(key: string): unknown {
    return Object.hasOwn(this.#container, key) ? this.#container[key] : undefined
  }

  /** True if `part` stood at `key`, or is an object that stood elsewhere in the container (a list that was shifted). */
  has(key: string, part: unknown): boolean {
    if (part !== undefined && this.at(key) === part) return true
    // New objects are rarely frozen: only moved ones pay for the set.
    if (!isObject(part) || !Object.isFrozen(part)) return false
    this.#parts ??= new Set(Object.values(this.#container))
    return this.#parts.has(part)
  }
}

/** Refuses `value` itself if it is not plain; otherwise the names of its parts. */
function checkedKeys(value: unknown, depth: number, strictness: Strictness): readonly string[] {
  if (depth > MAX_DEPTH) refuse(`is nested deeper than ${MAX_DEPTH} levels, or contains itself`)
  switch (typeof value) {
    case 'undefined':
    case 'boolean':
    case 'number':
      return NOTHING
    case 'string':
      if (!value.isWellFormed()) refuse('has a lone surrogate')
      return NOTHING
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) refuse('is a bigint of more than 64 bits')
      return NOTHING
    case 'object':
      return value === null ? NOTHING : checkedObjectKeys(value, strictness)
    default:
      return refuse(`is a ${typeof value}`)
  }
}

function checkedObjectKeys(value: object, strictness: Strictness): readonly string[] {
  if (!isPlainKind(value, strictness)) refuse(`is ${describeKind(value)}`)
  if (value instanceof Uint8Array) return NOTHING
  const keys = Object.getOwnPropertyNames(value) // indexes in order, then names
  if (Array.isArray(value)) {
    const isDense = keys.length === value.length + 1 && keys.pop() === 'length'
    if (!isDense) refuse('is an array with holes or named properties')
  }
  // The two together take a third of the time of `Reflect.ownKeys` (measured).
  if (Object.getOwnPropertySymbols(value).length > 0) refuse('has a symbol key')
  return keys
}

function isPlainKind(value: object, strictness: Strictness): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (Array.isArray(value)) return prototype === Array.prototype
  if (prototype === Object.prototype || prototype === Uint8Array.prototype) return true
  return strictness === 'encodable' && (prototype === null || value instanceof Uint8Array)
}

function checkKey(key: string): void {
  if (key === '__proto__') refuse('has a key named __proto__')
  if (!key.isWellFormed()) refuse('has a key with a lone surrogate')
}

function checkProperty(container: Container, key: string): void {
  const property = Object.getOwnPropertyDescriptor(container, key)
  if (property?.enumerable !== true) refuse('is a hidden property')
  if (property.get !== undefined || property.set !== undefined) refuse('is an accessor')
}

function isObject(value: unknown): value is Container {
  return typeof value === 'object' && value !== null
}

function describeKind(value: object): string {
  const prototype: { constructor?: unknown } | null = Object.getPrototypeOf(value)
  const maker = prototype?.constructor
  return typeof maker === 'function' && maker.name !== '' && maker !== Object
    ? `an instance of ${maker.name}`
    : 'an object with its own prototype'
}

function refuse(problem: string): never {
  throw new NotPlain(problem)
}

function asRefusal(error: unknown, name: string): unknown {
  if (!(error instanceof NotPlain)) return error
  const place = formatPath([name, ...error.keys])
  return new LegionError(
    'E_NOT_PLAIN',
    `${place} ${error.problem}. Use null, undefined, booleans, numbers, 64-bit bigints, strings, Uint8Array, arrays and plain objects.`,
    { outcome: 'not-applied', details: { path: place } },
  )
}
