import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { Locks } from '../../src/storage/indexeddb-storage.js'

const directories: string[] = []

/** A new directory that goes away after the tests of this file. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'legion-storage-'))
  directories.push(directory)
  return directory
}

afterAll(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true }))))

/** Web Locks of one tab, for as much as the adapter uses: Node 20 has none. */
export function fakeLocks(): Locks {
  const held = new Map<string, Promise<unknown>>()
  const request = async (
    name: string,
    { ifAvailable = false }: LockOptions,
    callback: LockGrantedCallback<unknown>,
  ): Promise<unknown> => {
    if (ifAvailable && held.has(name)) return callback(null)
    while (held.has(name)) await held.get(name)
    const work = (async () => callback({ name, mode: 'exclusive' }))()
    held.set(
      name,
      work.catch(() => {}).then(() => held.delete(name)),
    )
    return work
  }
  return { request } as Locks
}
