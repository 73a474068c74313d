import { LegionError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'

/** What `promise` settles with. @throws LegionError E_TIMEOUT with `problem` if it does not in time */
export function inTime<T>(runtime: Runtime, promise: Promise<T>, timeoutMs: number, problem: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = runtime.setTimer(timeoutMs, () => reject(new LegionError('E_TIMEOUT', problem)))
    promise.then(resolve, reject).finally(() => timer.cancel())
  })
}
