import { randomInt } from '../base/random.js'
import type { Runtime } from '../base/runtime.js'
import { checkedStorage } from '../storage/checked-storage.js'
import { lockedError } from '../storage/failure.js'
import type { RawStorage, RawStore } from '../storage/raw-storage.js'
import type { SharedStorage } from '../storage/shared-storage.js'
import type { Durability, Write } from '../storage/storage.js'
import { SimulatedFile } from './simulated-file.js'
import { SimulatedLocks } from './simulated-locks.js'

export interface SimulatedDiskOptions {
  /** How long an operation takes, evenly drawn between the two. Default 0.5 to 2 ms. */
  readonly latencyMs?: readonly [min: number, max: number] | undefined
  /** When a buffered write becomes durable by itself. Default 1,000 ms. */
  readonly flushMs?: number | undefined
}

/** What an operation does to the disk when its time has passed; `fail`, if it was chosen to fail. */
interface Operation<T> {
  succeed(): T
  fail?(): void
}

/** Of the process that uses the disk. */
interface Life {
  isOver: boolean
}

const LATENCY_MS = [0.5, 2] as const
const FLUSH_MS = 1000

/** What the processes of one machine share. */
interface Machine {
  readonly files: Map<string, SimulatedFile>
  readonly locks: SimulatedLocks
}

/**
 * A disk on simulated time that survives the crashes of the process that uses it. All that is left to chance is drawn
 * from the runtime: same seed, same disk.
 */
export class SimulatedDisk {
  /** While true, every write fails and changes nothing. */
  isFull = false
  /** While true, what is to be durable when its write resolves is not: a crash may lose it. */
  isLying = false
  readonly #runtime: Runtime
  readonly #latencyMs: readonly [min: number, max: number]
  readonly #flushMs: number
  readonly #files: Map<string, SimulatedFile>
  readonly #locks: SimulatedLocks
  #life: Life = { isOver: false }
  #operationCount = 0
  #failingOperation: number | undefined

  constructor(runtime: Runtime, options: SimulatedDiskOptions = {}, machine: Machine = newMachine()) {
    this.#runtime = runtime
    this.#files = machine.files
    this.#locks = machine.locks
    this.#latencyMs = options.latencyMs ?? LATENCY_MS
    this.#flushMs = options.flushMs ?? FLUSH_MS
  }

  /** Begun so far: openings, reads, writes, closings, listings, removals. */
  get operationCount(): number {
    return this.#operationCount
  }

  /** The same disk as another process uses it, which crashes and fails on its own. */
  share(runtime: Runtime, options: SimulatedDiskOptions = {}): SimulatedDisk {
    return new SimulatedDisk(runtime, options, { files: this.#files, locks: this.#locks })
  }

  /** What the process that runs now uses. Once it has crashed, nothing it began ever settles. */
  storage(): SharedStorage {
    const life = this.#life
    const raw: RawStorage = {
      open: (name) => this.#open(life, name),
      list: () => this.#operate(life, { succeed: () => [...this.#files.keys()] }),
      remove: (name) => this.#remove(life, name),
    }
    return {
      ...checkedStorage(raw),
      whenFree: (name, free) => this.#locks.whenFree(storeLock(name), free),
      alone: (name, work) => this.#alone(life, name, work),
    }
  }

  /**
   * The process ends without a word, as if the power had failed. Of its writes that are not durable, which are the buffered ones
   * and those that have not resolved, each store keeps the first few by chance, in the order of the calls and whole.
   */
  crash(): void {
    const ended = this.#life
    ended.isOver = true
    this.#life = { isOver: false }
    for (const file of this.#files.values()) if (file.user === ended) file.crash(this.#draw(file.pendingCount))
    this.#locks.freeAll(ended)
  }

  /**
   * Makes the `k`-th operation from now on fail (1 is the next one). A write that fails has happened or not, by chance.
   */
  failOperation(k: number): void {
    this.#failingOperation = this.#operationCount + k
  }

  /** Flips one bit of what is stored at the key, if there is anything. */
  damage(store: string, key: string): void {
    this.#files.get(store)?.damage(key, (bound) => this.#draw(bound - 1))
  }

  async #open(life: Life, name: string): Promise<RawStore> {
    if (life.isOver) return never()
    const file = this.#files.get(name) ?? new SimulatedFile()
    this.#files.set(name, file)
    const unlock = this.#lock(life, name)
    file.user = life
    await this.#operate(life, { succeed: () => {}, fail: unlock })
    return {
      get: (key) => this.#operate(life, { succeed: () => file.contents.get(key) }),
      page: (range, limit) => this.#operate(life, { succeed: () => file.contents.page(range, limit) }),
      write: (batch, durability) => this.#write(life, file, batch, durability),
      close: () => this.#operate(life, { succeed: unlock, fail: unlock }),
    }
  }

  async #remove(life: Life, name: string): Promise<void> {
    const file = this.#files.get(name)
    if (life.isOver) return never()
    if (file === undefined) return
    const unlock = this.#lock(life, name)
    const remove = () => {
      this.#files.delete(name)
      unlock()
    }
    await this.#operate(life, { succeed: remove, fail: unlock })
  }

  async #write(life: Life, file: SimulatedFile, batch: readonly Write[], durability: Durability): Promise<void> {
    if (life.isOver) return never()
    if (this.isFull) {
      await this.#operate(life, { succeed: () => {} })
      throw new Error('ENOSPC: no space left on the simulated disk')
    }
    const write = file.begin(batch)
    await this.#operate(life, {
      succeed: () => file.finish(write, this.isLying ? 'buffered' : durability),
      fail: () => (this.#draw(1) === 1 ? file.finish(write, 'buffered') : file.forget(write)),
    })
    if (durability === 'buffered') this.#runtime.setTimer(this.#flushMs, () => file.flush())
  }

  /** @throws LegionError E_STORAGE_LOCKED */
  #lock(life: Life, name: string): () => void {
    if (!this.#locks.take(storeLock(name), life)) throw lockedError(name)
    return () => this.#locks.free(storeLock(name), life)
  }

  async #alone<T>(life: Life, name: string, work: () => Promise<T>): Promise<T> {
    while (!life.isOver && !this.#locks.take(name, life)) await this.#freed(name)
    if (life.isOver) return never()
    try {
      return await work()
    } finally {
      this.#locks.free(name, life)
    }
  }

  #freed(name: string): Promise<void> {
    return new Promise((resolve) => {
      this.#locks.whenFree(name, resolve)
    })
  }

  #operate<T>(life: Life, { succeed, fail }: Operation<T>): Promise<T> {
    if (life.isOver) return never()
    const number = ++this.#operationCount
    const isFailing = number === this.#failingOperation
    return new Promise((resolve, reject) => {
      this.#runtime.setTimer(this.#drawLatencyMs(), () => {
        if (life.isOver) return
        if (!isFailing) return resolve(succeed())
        fail?.()
        reject(new Error(`EIO: operation ${number} of the simulated disk was told to fail`))
      })
    })
  }

  #drawLatencyMs(): number {
    const [min, max] = this.#latencyMs
    return min + this.#runtime.random() * (max - min)
  }

  /** A whole number from 0 to `max`. */
  #draw(max: number): number {
    return randomInt(() => this.#runtime.random(), max + 1)
  }
}

function newMachine(): Machine {
  return { files: new Map(), locks: new SimulatedLocks() }
}

function storeLock(name: string): string {
  return `store ${name}`
}

/** What those wait for whose process has crashed. */
function never<T>(): Promise<T> {
  return new Promise(() => {})
}
