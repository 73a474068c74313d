import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Store } from '../../src/storage/storage.js'
import { SimulatedDisk, type SimulatedDiskOptions } from '../../src/testing/simulated-disk.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'

export const bytes = (text: string) => new TextEncoder().encode(text)
export const text = (value: Uint8Array | undefined) => value && new TextDecoder().decode(value)

/** All that is in it, values as text. */
export async function contentsOf(store: Store): Promise<Record<string, string>> {
  const contents: Record<string, string> = {}
  for await (const { key, value } of store.scan('')) contents[key] = text(value) ?? ''
  return contents
}

/** A disk on a clock that runs whenever somebody waits by `during`. */
export class DiskRig {
  readonly clock = new SimulatedClock()
  readonly disk: SimulatedDisk

  constructor(seed = 1, options?: SimulatedDiskOptions) {
    this.disk = new SimulatedDisk(this.clock.fork(seed), options)
  }

  /** Lets time pass until the promise is settled. */
  async during<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    promise.then(settle, settle)
    while (!isSettled) {
      await this.clock.run(1)
      await nextTurn()
    }
    return promise
  }

  async open(name = 'store'): Promise<Store> {
    return this.during(this.disk.storage().open(name))
  }

  /** Of a store that nobody has open. */
  async contents(name = 'store'): Promise<Record<string, string>> {
    const store = await this.open(name)
    const contents = await this.during(contentsOf(store))
    await this.during(store.close())
    return contents
  }
}
