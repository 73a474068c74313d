import { LegionError } from '../base/errors.js'
import { CheckedStore } from './checked-store.js'
import { storageError } from './failure.js'
import { checkFormat } from './format.js'
import type { RawStorage } from './raw-storage.js'
import type { Storage } from './storage.js'

const NAME = /^[a-zA-Z0-9._-]{1,100}$/

/** The Storage of an adapter. */
export function checkedStorage(raw: RawStorage): Storage {
  return {
    async open(name) {
      checkName(name)
      const store = await raw.open(name).catch((cause) => fail(name, 'Opening', cause))
      try {
        await checkFormat(name, store)
      } catch (cause) {
        await store.close().catch(() => {}) // The first problem counts.
        fail(name, 'Opening', cause)
      }
      return new CheckedStore(name, store)
    },
    async list() {
      const names = await raw.list().catch((cause) => fail('*', 'Listing', cause))
      return names.filter((name) => NAME.test(name)).sort()
    },
    async remove(name) {
      checkName(name)
      await raw.remove(name).catch((cause) => fail(name, 'Removing', cause))
    },
  }
}

function fail(name: string, doing: string, cause: unknown): never {
  throw storageError(name, doing, cause)
}

function checkName(name: string): void {
  if (NAME.test(name)) return
  throw new LegionError(
    'E_INVALID',
    `A store's name is 1 to 100 characters of a-z, A-Z, 0-9, ".", "_", "-"; this is not: ${JSON.stringify(name)}`,
  )
}
