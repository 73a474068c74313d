import { checkedStorage } from './checked-storage.js'
import { lockedError } from './failure.js'
import { MemoryTable } from './memory-table.js'
import type { RawStorage, RawStore } from './raw-storage.js'
import type { Storage } from './storage.js'

/** Survives as long as the object lives: for tests, and for peers that keep nothing. Nothing waits for a disk. */
export function memoryStorage(): Storage {
  return checkedStorage(new MemoryStorage())
}

class MemoryStorage implements RawStorage {
  readonly #tables = new Map<string, MemoryTable>()
  readonly #open = new Set<string>()

  async open(name: string): Promise<RawStore> {
    this.#checkUnlocked(name)
    this.#open.add(name)
    const table = this.#tables.get(name) ?? new MemoryTable()
    this.#tables.set(name, table)
    return {
      get: async (key) => table.get(key),
      page: async (range, limit) => table.page(range, limit),
      write: async (batch) => table.apply(batch),
      close: async () => void this.#open.delete(name),
    }
  }

  async list(): Promise<string[]> {
    return [...this.#tables.keys()]
  }

  async remove(name: string): Promise<void> {
    this.#checkUnlocked(name)
    this.#tables.delete(name)
  }

  #checkUnlocked(name: string): void {
    if (this.#open.has(name)) throw lockedError(name)
  }
}
