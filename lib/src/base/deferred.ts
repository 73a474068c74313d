/** A promise that is settled from outside; the first settling counts. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

/**
 * Uses what is here at once, and what comes later then. A rejection that nobody awaits is no uncaught error, as with
 * `defer`.
 */
export function whenHere<T, R>(value: T | Promise<T>, use: (value: T) => R): R | Promise<R> {
  if (!(value instanceof Promise)) return use(value)
  const used = value.then(use) as Promise<R>
  used.catch(() => {})
  return used
}

/** A rejection that nobody awaits is no uncaught error: whoever awaits it, now or later, sees it. */
export function defer<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  promise.catch(() => {})
  return { promise, resolve, reject }
}
