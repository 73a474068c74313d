import { deleteDB, type IDBPDatabase, type IDBPObjectStore, openDB } from 'idb'
import { LegionError } from '../base/errors.js'
import { checkedStorage } from './checked-storage.js'
import { lockedError } from './failure.js'
import type { KeyRange, RawStorage, RawStore } from './raw-storage.js'
import type { SharedStorage } from './shared-storage.js'
import type { Durability, StoreEntry, Write } from './storage.js'

/** The part of `navigator.locks` that is used. */
export type Locks = Pick<LockManager, 'request'>

const ENTRIES = 'entries'
type Entries = IDBPObjectStore<unknown, [typeof ENTRIES], typeof ENTRIES, 'readwrite'>
const IDB_DURABILITY = { synced: 'strict', buffered: 'relaxed' } as const

/**
 * Stores in the browser's IndexedDB, one database each, called `PREFIX/NAME`. Who has one open holds the Web Lock of
 * that name, which the browser releases when the tab is gone.
 * @param locks seam for tests; default: the browser's
 * @throws LegionError E_UNSUPPORTED where pages have no Web Locks, which is outside of secure contexts, or no IndexedDB
 */
export function indexedDbStorage(
  prefix: string,
  locks: Locks | undefined = globalThis.navigator?.locks,
): SharedStorage {
  if (locks === undefined) {
    throw new LegionError('E_UNSUPPORTED', 'IndexedDB needs Web Locks: serve the page by https, or from localhost.')
  }
  if (globalThis.indexedDB === undefined) {
    throw new LegionError('E_UNSUPPORTED', 'There is no IndexedDB here: let the site store data, or use no storage.')
  }
  const raw = new IndexedDbStorage(prefix, locks)
  return {
    ...checkedStorage(raw),
    whenFree: (name, free) => raw.whenFree(name, free),
    alone: (name, work) => raw.alone(name, work),
  }
}

class IndexedDbStorage implements RawStorage {
  readonly #prefix: string
  readonly #locks: Locks

  constructor(prefix: string, locks: Locks) {
    this.#prefix = `${prefix}/`
    this.#locks = locks
  }

  async open(name: string): Promise<RawStore> {
    const lock = await this.#acquire(name)
    try {
      return await IndexedDbStore.open(this.#prefix + name, lock)
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  async list(): Promise<string[]> {
    const databases = await indexedDB.databases()
    const names = databases.map(({ name }) => name ?? '').filter((name) => name.startsWith(this.#prefix))
    return names.map((name) => name.slice(this.#prefix.length))
  }

  async remove(name: string): Promise<void> {
    const lock = await this.#acquire(name)
    await deleteDB(this.#prefix + name).finally(() => lock.release())
  }

  /** The browser grants the lock as soon as nobody has it; it is given back at once. */
  whenFree(name: string, free: () => void): () => void {
    const waiting = new AbortController()
    const { signal } = waiting
    const granted = this.#locks.request(this.#prefix + name, { mode: 'shared', signal }, () => {})
    granted.then(free, () => {}) // aborted
    return () => waiting.abort()
  }

  alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#locks.request(this.#prefix + name, { mode: 'exclusive' }, work) as Promise<T>
  }

  async #acquire(name: string): Promise<HeldLock> {
    const lock = await acquire(this.#locks, this.#prefix + name)
    if (lock === undefined) throw lockedError(name)
    return lock
  }
}

class IndexedDbStore implements RawStore {
  readonly #database: IDBPDatabase
  readonly #lock: HeldLock
  #lost: Error | undefined

  private constructor(database: IDBPDatabase, lock: HeldLock) {
    this.#database = database
    this.#lock = lock
    database.addEventListener('versionchange', () => this.#lose('somebody deletes the database'))
    database.addEventListener('close', () => this.#lose('the browser closed the database'))
  }

  static async open(name: string, lock: HeldLock): Promise<IndexedDbStore> {
    const upgrade = (database: IDBPDatabase) => void database.createObjectStore(ENTRIES)
    return new IndexedDbStore(await openDB(name, 1, { upgrade }), lock)
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#readable().get(key)
  }

  async page({ from, to }: KeyRange, limit: number): Promise<StoreEntry[]> {
    const entries = this.#readable()
    const range = IDBKeyRange.bound(from, to, false, true)
    const [keys, values] = await Promise.all([entries.getAllKeys(range, limit), entries.getAll(range, limit)])
    return keys.map((key, index) => ({ key: String(key), value: values[index] }))
  }

  async write(batch: readonly Write[], durability: Durability): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost
    const transaction = this.#database.transaction(ENTRIES, 'readwrite', { durability: IDB_DURABILITY[durability] })
    transaction.done.catch(() => {})
    try {
      putAll(transaction.store, batch)
      transaction.commit()
    } catch (error) {
      transaction.abort() // Otherwise what was put already would be stored.
      throw error
    }
    await transaction.done
  }

  async close(): Promise<void> {
    this.#database.close()
    await this.#lock.release()
  }

  #readable() {
    if (this.#lost !== undefined) throw this.#lost
    const { store, done } = this.#database.transaction(ENTRIES)
    done.catch(() => {}) // Who reads hears it from the request.
    return store
  }

  #lose(reason: string): void {
    this.#lost = new Error(reason)
    this.#database.close()
  }
}

/** @throws DOMException at a value that is too large for the browser */
function putAll(entries: Entries, batch: readonly Write[]): void {
  for (const { key, value } of batch) {
    const request = value === undefined ? entries.delete(key) : entries.put(value, key)
    request.catch(() => {}) // The transaction tells why.
  }
}

interface HeldLock {
  /** Resolves when somebody else can have it. */
  release(): Promise<void>
}

/** Undefined if somebody else has it. */
function acquire(locks: Locks, name: string): Promise<HeldLock | undefined> {
  return new Promise((resolve, reject) => {
    const released = locks.request(name, { ifAvailable: true }, (lock): Promise<void> | void => {
      if (lock === null) return resolve(undefined)
      return new Promise<void>((free) => {
        resolve({
          async release() {
            free()
            await released
          },
        })
      })
    })
    released.catch(reject)
  })
}
