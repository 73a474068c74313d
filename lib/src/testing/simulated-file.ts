import { MemoryTable } from '../storage/memory-table.js'
import type { Durability, Write } from '../storage/storage.js'

/** A write that is not durable yet. */
export interface PendingWrite {
  readonly batch: readonly Write[]
  isFinished: boolean
}

/** One store on a SimulatedDisk: what programs see, and what a crash leaves of it. */
export class SimulatedFile {
  /** The process that had it open last. */
  user: object | undefined
  #contents = new MemoryTable()
  #durable = new MemoryTable()
  #pending: PendingWrite[] = []

  /** With all finished writes. */
  get contents(): MemoryTable {
    return this.#contents
  }

  get pendingCount(): number {
    return this.#pending.length
  }

  /** From now on a crash may keep it. */
  begin(batch: readonly Write[]): PendingWrite {
    const write = { batch, isFinished: false }
    this.#pending.push(write)
    return write
  }

  finish(write: PendingWrite, durability: Durability): void {
    write.isFinished = true
    this.#contents.apply(write.batch)
    if (durability === 'synced') this.flush()
  }

  /** It has not happened and never will. */
  forget(write: PendingWrite): void {
    this.#pending = this.#pending.filter((pending) => pending !== write)
  }

  /** Makes durable what is finished. */
  flush(): void {
    while (this.#pending[0]?.isFinished) this.#durable.apply(this.#pending.shift()?.batch ?? [])
  }

  /** @param kept so many of the pending writes are durable nevertheless */
  crash(kept: number): void {
    for (const { batch } of this.#pending.slice(0, kept)) this.#durable.apply(batch)
    this.#pending = []
    this.#contents = this.#durable.copy()
  }

  /** Flips a bit of the value, on the disk and for who reads it. */
  damage(key: string, draw: (bound: number) => number): void {
    const value = this.#contents.get(key)
    if (value === undefined) return
    const at = draw(value.length)
    value[at] = (value[at] ?? 0) ^ (1 << draw(8))
    this.#contents.apply([{ key, value }])
    this.#durable.apply([{ key, value }])
  }
}
