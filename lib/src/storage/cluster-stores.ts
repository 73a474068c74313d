import { digest } from 'lib0/hash/sha256'
import { toBase64Url } from '../base/bytes.js'
import { LegionError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { Storage, Store } from './storage.js'

/** Stores of one cluster that the tabs of a browser profile share out among themselves. */
const FREE_STORES_MAX = 16
const NAME_BYTES = 16
const DRAWN_BYTES = 9

/** The name of a cluster's only store. Any cluster may be called anything; a store may not. */
export function storeNameOf(cluster: string): string {
  const hash = digest(new TextEncoder().encode(`legion-mesh 1 store\n${cluster}`))
  return toBase64Url(hash.subarray(0, NAME_BYTES))
}

/**
 * One of the cluster's stores that nobody has open, the first by name, so that tabs that come back take over what
 * those before them left; a new one if there is none. Two tabs never share one, a duplicated tab neither.
 * @throws LegionError E_STORAGE if too many are open already, or as `Storage.open` but never E_STORAGE_LOCKED
 */
export async function openFreeStore(storage: Storage, cluster: string, runtime: Runtime): Promise<Store> {
  const prefix = `${storeNameOf(cluster)}.`
  const names = (await storage.list()).filter((name) => name.startsWith(prefix))
  for (const name of names) {
    const store = await openUnlessLocked(storage, name)
    if (store !== undefined) return store
  }
  if (names.length >= FREE_STORES_MAX) throw new LegionError('E_STORAGE', TOO_MANY)
  return storage.open(prefix + toBase64Url(runtime.randomBytes(DRAWN_BYTES)))
}

const TOO_MANY =
  `${FREE_STORES_MAX} tabs of this browser keep this cluster already. Close one of them, or open this one without ` +
  'storage.'

async function openUnlessLocked(storage: Storage, name: string): Promise<Store | undefined> {
  try {
    return await storage.open(name)
  } catch (error) {
    if (LegionError.is(error) && error.code === 'E_STORAGE_LOCKED') return undefined
    throw error
  }
}
