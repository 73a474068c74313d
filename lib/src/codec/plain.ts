import { LegionError } from '../base/errors.js'

/** How deep values may be nested; the root is level 0. */
export const MAX_DEPTH = 100

/** Names on the way from the root to a part, the root's own name first. */
type Path = string[]
type Container = { readonly [key: string]: unknown }
/** Frozen values never meet the encoder again, so they must already be exactly what decoding would give back. */
type Strictness = 'encodable' | 'exact'

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
  assertParts(value, [path])
}

/**
 * Deeply freezes `value` after checking that it is plain, and exactly so: encoding and decoding it would change
 * nothing. Byte arrays can't be frozen.
 * @param previous a value that this function returned before: what `value` shares with it at the same place is not
 *   looked at again
 * @throws LegionError E_NOT_PLAIN; parts of `value` may be frozen by then
 */
export function freezePlain<T>(value: T, previous: unknown, path = 'value'): T {
  freezeParts(value, previous, [path])
  return value
}

function assertParts(value: unknown, path: Path): void {
  for (const key of checkedKeys(value, path, 'encodable')) {
    path.push(key)
    assertParts((value as Container)[key], path)
    path.pop()
  }
}

function freezeParts(value: unknown, previous: unknown, path: Path): void {
  for (const key of checkedKeys(value, path, 'exact')) {
    const part = (value as Container)[key]
    if (isKnown(part, key, value, previous)) continue
    path.push(key)
    freezeParts(part, isObject(previous) ? previous[key] : undefined, path)
    path.pop()
  }
  if (isObject(value) && !(value instanceof Uint8Array)) Object.freeze(value)
}

/** Whether `part` stood at the same place before, counted from either end of an array. */
function isKnown(part: unknown, key: string, container: unknown, previous: unknown): boolean {
  if (!isObject(previous)) return false
  if (Object.hasOwn(previous, key) && previous[key] === part) return true
  if (!Array.isArray(previous) || !Array.isArray(container)) return false
  const fromEnd = Number(key) - container.length + previous.length
  return fromEnd in previous && previous[fromEnd] === part
}

/** Refuses `value` itself if it is not plain; otherwise the names of its parts. */
function checkedKeys(value: unknown, path: Path, strictness: Strictness): readonly string[] {
  if (path.length > MAX_DEPTH + 1) refuse(path, `is nested deeper than ${MAX_DEPTH} levels, or contains itself`)
  switch (typeof value) {
    case 'undefined':
    case 'boolean':
    case 'number':
      return NOTHING
    case 'string':
      if (!value.isWellFormed()) refuse(path, 'has a lone surrogate')
      return NOTHING
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) refuse(path, 'is a bigint of more than 64 bits')
      return NOTHING
    case 'object':
      return value === null ? NOTHING : checkedObjectKeys(value, path, strictness)
    default:
      return refuse(path, `is a ${typeof value}`)
  }
}

function checkedObjectKeys(value: object, path: Path, strictness: Strictness): readonly string[] {
  if (!isPlainKind(value, strictness)) refuse(path, `is ${describeKind(value)}`)
  if (value instanceof Uint8Array) return NOTHING
  const keys = Object.keys(value)
  checkShape(value, keys, path)
  for (const key of keys) checkProperty(value, key, path)
  return keys
}

function isPlainKind(value: object, strictness: Strictness): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (Array.isArray(value)) return prototype === Array.prototype
  if (prototype === Object.prototype || prototype === Uint8Array.prototype) return true
  return strictness === 'encodable' && (prototype === null || value instanceof Uint8Array)
}

/** No holes, and nothing that Object.keys does not list. */
function checkShape(value: object, keys: readonly string[], path: Path): void {
  const hiddenCount = Reflect.ownKeys(value).length - keys.length
  if (!Array.isArray(value)) {
    if (hiddenCount > 0) refuse(path, 'has a symbol key or a hidden property')
  } else if (keys.length !== value.length || hiddenCount > 1 || (keys.length > 0 && keys.at(-1) !== lastIndex(value))) {
    refuse(path, 'is an array with holes or named properties')
  }
}

/** Array indexes come first and in order: if the last key is the last index, all of them are. */
function lastIndex(array: readonly unknown[]): string {
  return String(array.length - 1)
}

function checkProperty(value: object, key: string, path: Path): void {
  if (key === '__proto__') refuse(path, 'has a key named __proto__')
  if (!key.isWellFormed()) refuse(path, 'has a key with a lone surrogate')
  if (Object.getOwnPropertyDescriptor(value, key)?.get) refuse([...path, key], 'is an accessor')
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

function refuse(path: Path, problem: string): never {
  const place = formatPath(path)
  throw new LegionError(
    'E_NOT_PLAIN',
    `${place} ${problem}. Use null, undefined, booleans, numbers, 64-bit bigints, strings, Uint8Array, arrays and plain objects.`,
    { outcome: 'not-applied', details: { path: place } },
  )
}

/** `order.items[2]["unit price"]` */
function formatPath([root = '', ...keys]: Path): string {
  const steps = keys.map((key) => {
    if (/^[A-Za-z_$][\w$]*$/.test(key)) return `.${key}`
    return /^(0|[1-9]\d*)$/.test(key) ? `[${key}]` : `[${JSON.stringify(key)}]`
  })
  return root + steps.join('')
}
