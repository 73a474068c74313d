import { digest } from 'lib0/hash/sha256'
import { toBase64Url } from '../base/bytes.js'
import { LegionError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { SharedStorage } from './shared-storage.js'
import type { Storage, Store } from './storage.js'

/** Stores of one cluster that the tabs of a browser profile share out among themselves. */
const FREE_STORES_MAX = 16
const NAME_BYTES = 16
const DRAWN_BYTES = 9
/** Whoever waits for a store to be free has it for a moment when it is: a tab that comes back must not miss its own. */
const LOOKS = 3
const LOOK_AGAIN_MS = 25

export interface StoreChoice {
  /** What the store is worth, compared number by number: the highest one is taken. Rejects if it is damaged. */
  readonly worth: (store: Store) => Promise<readonly number[]>
  /** A store that nobody has open can't be used. */
  readonly unusable: (error: unknown) => void
}

/** What a peer got of a storage that it shares with others. */
export interface OpenedStore {
  readonly store: Store
  /** The cluster's other stores there; undefined: there can be none. */
  readonly siblings: Siblings | undefined
}

/** The stores of the other peers of the same cluster and profile. */
export interface Siblings {
  /** Their names, whether somebody has them open or not. */
  list(): Promise<string[]>
  /** As `SharedStorage.whenFree`. */
  whenFree(name: string, free: () => void): () => void
  /**
   * Opens one for a short while. Nobody chooses a store meanwhile.
   * @returns undefined if somebody has it open
   */
  visit<T>(name: string, work: (store: Store) => Promise<T>): Promise<T | undefined>
}

/** The name of a cluster's only store. Any cluster may be called anything; a store may not. */
export function storeNameOf(cluster: string): string {
  const hash = digest(new TextEncoder().encode(`legion-mesh 1 store\n${cluster}`))
  return toBase64Url(hash.subarray(0, NAME_BYTES))
}

/**
 * One of the cluster's stores that nobody has open, the one that is worth most, so that tabs that come back take over
 * what those before them left; a new one if there is none. Two tabs never share one, a duplicated tab neither.
 * @throws LegionError E_STORAGE if too many are open already, or as `Storage.open` but never E_STORAGE_LOCKED
 */
export async function openFreeStore(
  storage: Storage,
  cluster: string,
  runtime: Runtime,
  choice: StoreChoice,
): Promise<Store> {
  return (await chooseStore(storage, cluster, runtime, choice, 1)).store
}

/** The same where others choose at the same time: each waits for those before it. */
export async function openSharedStore(
  storage: SharedStorage,
  cluster: string,
  runtime: Runtime,
  choice: StoreChoice,
): Promise<OpenedStore> {
  const room = storeNameOf(cluster)
  const { name: own, store } = await storage.alone(room, () => chooseStore(storage, cluster, runtime, choice, LOOKS))
  const siblings: Siblings = {
    list: async () => (await namesOf(storage, cluster)).filter((name) => name !== own),
    whenFree: (name, free) => storage.whenFree(name, free),
    visit: (name, work) => storage.alone(room, () => visit(storage, name, work)),
  }
  return { store, siblings }
}

const TOO_MANY =
  `${FREE_STORES_MAX} tabs of this browser keep this cluster already. Close one of them, or open this one without ` +
  'storage.'

interface Named {
  readonly name: string
  readonly store: Store
}

interface Judged extends Named {
  readonly worth: readonly number[]
}

/** @param looks so often at stores that somebody has open, before a new one is made */
async function chooseStore(
  storage: Storage,
  cluster: string,
  runtime: Runtime,
  choice: StoreChoice,
  looks: number,
): Promise<Named> {
  const names = await namesOf(storage, cluster)
  let free = await freeOf(storage, names, choice)
  for (let look = 1; look < looks && free.length === 0 && names.length > 0; look++) {
    await new Promise<void>((resolve) => runtime.setTimer(LOOK_AGAIN_MS, resolve))
    free = await freeOf(storage, names, choice)
  }
  const [best, ...rest] = free.sort((a, b) => compare(b.worth, a.worth))
  for (const { store } of rest) await store.close()
  if (best !== undefined) return best
  if (names.length >= FREE_STORES_MAX) throw new LegionError('E_STORAGE', TOO_MANY)
  const name = `${storeNameOf(cluster)}.${toBase64Url(runtime.randomBytes(DRAWN_BYTES))}`
  return { name, store: await storage.open(name) }
}

async function freeOf(storage: Storage, names: readonly string[], choice: StoreChoice): Promise<Judged[]> {
  const free: Judged[] = []
  for (const name of names) {
    const judged = await judge(storage, name, choice)
    if (judged !== undefined) free.push(judged)
  }
  return free
}

async function namesOf(storage: Storage, cluster: string): Promise<string[]> {
  const prefix = `${storeNameOf(cluster)}.`
  return (await storage.list()).filter((name) => name.startsWith(prefix))
}

/** Undefined if somebody has it open, or it is of no use. */
async function judge(storage: Storage, name: string, choice: StoreChoice): Promise<Judged | undefined> {
  let store: Store | undefined
  try {
    store = await openUnlessLocked(storage, name)
    return store && { name, store, worth: await choice.worth(store) }
  } catch (error) {
    choice.unusable(error)
    await store?.close().catch(() => {}) // The first problem counts.
    return undefined
  }
}

async function openUnlessLocked(storage: Storage, name: string): Promise<Store | undefined> {
  try {
    return await storage.open(name)
  } catch (error) {
    if (LegionError.is(error) && error.code === 'E_STORAGE_LOCKED') return undefined
    throw error
  }
}

async function visit<T>(storage: Storage, name: string, work: (store: Store) => Promise<T>): Promise<T | undefined> {
  const store = await openUnlessLocked(storage, name)
  if (store === undefined) return undefined
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  const place = a.findIndex((value, i) => value !== b[i])
  return place < 0 ? 0 : (a[place] ?? 0) - (b[place] ?? 0)
}
