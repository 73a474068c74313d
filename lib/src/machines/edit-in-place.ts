import { freezePlain } from '../codec/value.js'

/**
 * Lets `recipe` change a draft of `state`, which is plain and deeply frozen, as if it could be written, and returns the
 * next state, which is so too and shares with `state` what did not change: `state` itself if nothing did. Costs time by
 * the number of keys of each object and list that is changed. Nothing can be read from a draft any more afterwards.
 *
 * Copy on write behind proxies, as in Immer (Weststrate 2018): an object is copied when it is first written to, and with
 * it all that it is part of.
 *
 * @throws what `recipe` throws; LegionError E_NOT_PLAIN
 */
export function editInPlace<State extends object>(state: State, recipe: (draft: State) => void): State {
  const drafts = new Drafts()
  const draft = drafts.of(state as Container)
  let next: unknown
  try {
    recipe(draft as State)
    next = drafts.finished(draft)
  } finally {
    drafts.revoke() // What is still a draft now, in what the recipe froze, is refused.
  }
  return freezePlain(next as State, state, 'state')
}

/** An object or a list. */
type Container = { [key: PropertyKey]: unknown }

/** With more keys V8 copies and freezes an object faster as a hash table, as which one without a prototype begins. */
const NARROW_KEYS = 128

/** All that is drafted in one edit. */
class Drafts {
  readonly #drafts = new Map<unknown, Draft>()
  /** What the recipe made itself and what was looked through: it may have been put into the state more than once. */
  readonly #made = new Set<unknown>()
  readonly #revokes: (() => void)[] = []

  /** A new draft. What is frozen at two places has two. @param parent undefined: the root's */
  of(base: Container, parent?: Draft | undefined): Container {
    const draft = new Draft(base, parent, this)
    // The target matters only in what a proxy may not deny: that a list is one.
    const { proxy, revoke } = Proxy.revocable((Array.isArray(base) ? [] : {}) as Container, draft)
    this.#drafts.set(proxy, draft)
    this.#revokes.push(revoke)
    return proxy
  }

  /** `value` with states in place of the drafts in it. */
  finished(value: unknown): unknown {
    if (!isContainer(value)) return value
    const draft = this.#drafts.get(value)
    if (draft !== undefined) return draft.finish()
    if (!Object.isFrozen(value) && !this.#made.has(value)) {
      this.#made.add(value)
      this.finishParts(value, Object.keys(value))
    }
    return value
  }

  finishParts(container: Container, keys: Iterable<PropertyKey>): void {
    for (const key of keys) {
      const part = container[key]
      const finished = this.finished(part)
      if (finished !== part) container[key] = finished
    }
  }

  revoke(): void {
    for (const revoke of this.#revokes) revoke()
  }
}

/** Of one object or list. Has a copy exactly if something in it was changed. */
class Draft implements ProxyHandler<Container> {
  readonly #base: Container
  readonly #parent: Draft | undefined
  readonly #drafts: Drafts
  /** Drafts of parts, as long as there is no copy to keep them in. */
  readonly #parts = new Map<PropertyKey, Container>()
  #copy: Container | undefined
  /** Where the copy may have drafts, or what the recipe made. */
  readonly #written = new Set<PropertyKey>()
  #isFinished = false

  constructor(base: Container, parent: Draft | undefined, drafts: Drafts) {
    this.#base = base
    this.#parent = parent
    this.#drafts = drafts
  }

  finish(): Container {
    if (this.#copy === undefined) return this.#base
    if (!this.#isFinished) {
      this.#isFinished = true // A draft may contain itself, which is refused later.
      this.#drafts.finishParts(this.#copy, this.#written)
    }
    return this.#copy
  }

  get(_target: Container, key: PropertyKey): unknown {
    const value = this.#at(key)
    if (!isContainer(value) || !Object.isFrozen(value)) return value
    const part = this.#drafts.of(value, this)
    if (this.#copy !== undefined) this.#write(this.#copy, key, part)
    else this.#parts.set(key, part)
    return part
  }

  set(_target: Container, key: PropertyKey, value: unknown): boolean {
    if (Object.is(this.#at(key), value) && Object.hasOwn(this.#latest, key)) return true
    return this.#write(this.#changed(), key, value)
  }

  deleteProperty(_target: Container, key: PropertyKey): boolean {
    return !Object.hasOwn(this.#latest, key) || Reflect.deleteProperty(this.#changed(), key)
  }

  has(_target: Container, key: PropertyKey): boolean {
    return key in this.#latest
  }

  ownKeys(): (string | symbol)[] {
    return Reflect.ownKeys(this.#latest)
  }

  getOwnPropertyDescriptor(target: Container, key: PropertyKey): PropertyDescriptor | undefined {
    const property = Reflect.getOwnPropertyDescriptor(this.#latest, key)
    // A proxy may call nothing fixed but what its target has so: the length of a list.
    return property && { ...property, value: this.#at(key), writable: true, configurable: !Object.hasOwn(target, key) }
  }

  /** Only what may be assigned can be in a state. */
  defineProperty(): boolean {
    return false
  }

  setPrototypeOf(): boolean {
    return false
  }

  preventExtensions(): boolean {
    return false
  }

  get #latest(): Container {
    return this.#copy ?? this.#base
  }

  #at(key: PropertyKey): unknown {
    return this.#parts.get(key) ?? this.#latest[key]
  }

  #write(copy: Container, key: PropertyKey, value: unknown): boolean {
    if (typeof value === 'object') this.#written.add(key)
    copy[key] = value
    return true
  }

  #changed(): Container {
    if (this.#copy !== undefined) return this.#copy
    const copy = copyOf(this.#base)
    this.#copy = copy
    for (const [key, part] of this.#parts) this.#write(copy, key, part)
    this.#parts.clear()
    if (this.#parent !== undefined) this.#parent.#changed()
    return copy
  }
}

/** What has parts that may be changed: byte arrays are replaced as a whole. */
function isContainer(value: unknown): value is Container {
  if (typeof value !== 'object' || value === null) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}

function copyOf(base: Container): Container {
  if (Array.isArray(base)) return [...base] as unknown as Container
  if (Object.keys(base).length <= NARROW_KEYS) return { ...base }
  return Object.setPrototypeOf(Object.assign(Object.create(null), base), Object.prototype)
}
