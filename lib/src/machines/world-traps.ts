/**
 * Calls `run` and tells what it used of the platform's clocks, chance and network. All of it works as always meanwhile.
 *
 * The globals are replaced during the call, and only then: `run` must be synchronous. What somebody keeps of them
 * from before, such as `const { random } = Math`, is not noticed.
 */
export function watchWorld<T>(run: () => T): { readonly result: T; readonly used: readonly string[] } {
  const used = new Set<string>()
  const restores = TRAPS.map((trap) => trap((name) => used.add(name)))
  try {
    return { result: run(), used: [...used] }
  } finally {
    for (const restore of restores) restore()
  }
}

/** Sets itself into the globals. @returns undoes it */
type Trap = (note: (name: string) => void) => () => void

const TRAPS: readonly Trap[] = [
  trapDate,
  trapMethod('Math.random', () => Math, 'random'),
  trapMethod('fetch', () => globalThis, 'fetch'),
  trapMethod('performance.now', () => globalThis.performance, 'now'),
  trapMethod('crypto.getRandomValues', () => globalThis.crypto, 'getRandomValues'),
  trapMethod('crypto.randomUUID', () => globalThis.crypto, 'randomUUID'),
]

/** Of dates only those count that ask the clock: `new Date(0)` is as good anywhere. */
function trapDate(note: (name: string) => void): () => void {
  const now = noting(Date.now, () => note('Date.now'))
  const trapped = new Proxy(Date, {
    apply: (target, self, args) => {
      note('Date')
      return Reflect.apply(target, self, args)
    },
    construct: (target, args, newTarget) => {
      if (args.length === 0) note('new Date')
      return Reflect.construct(target, args, newTarget)
    },
    get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  })
  return replace(globalThis, 'Date', trapped)
}

/** @param owner undefined where the platform does not have it */
function trapMethod(name: string, owner: () => object | undefined, method: string): Trap {
  return (note) => {
    const target = owner()
    const original: unknown = target && Reflect.get(target, method)
    if (target === undefined || typeof original !== 'function') return () => {}
    return replace(
      target,
      method,
      noting(original, () => note(name)),
    )
  }
}

function noting<F extends object>(original: F, note: () => void): F {
  return new Proxy(original, {
    apply: (target, self, args) => {
      note()
      return Reflect.apply(target as unknown as () => unknown, self, args)
    },
  })
}

/** @returns puts back what was there */
function replace(target: object, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(target, name)
  Object.defineProperty(target, name, { value, configurable: true, writable: true, enumerable: false })
  return () => {
    if (before === undefined) Reflect.deleteProperty(target, name)
    else Object.defineProperty(target, name, before)
  }
}
