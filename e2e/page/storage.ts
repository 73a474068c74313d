import { LegionError } from 'legion-mesh'
import { describeStorageContract } from 'legion-mesh/testing'
import { indexedDbStorage } from '../../lib/dist/storage/indexeddb-storage.js'
import type { Store } from '../../lib/dist/storage/storage.js'

interface ContractCase {
  readonly title: string
  run(): Promise<void>
}

/** A page's only content: stores in IndexedDB, driven by the test through `globalThis.storageLab`. */
class StorageLab {
  readonly contract: readonly ContractCase[] = contractCases()
  readonly #storage = indexedDbStorage('lab')
  #store: Store | undefined

  /** Runs one case of the contract; what went wrong, or nothing. */
  async runCase(title: string): Promise<string | undefined> {
    const found = this.contract.find((contractCase) => contractCase.title === title)
    try {
      await found?.run()
      return found === undefined ? 'no such case' : undefined
    } catch (error) {
      return String(error)
    }
  }

  /** The error's code, if it fails. */
  open(name: string): Promise<string | undefined> {
    return codeOf(async () => {
      this.#store = await this.#storage.open(name)
    })
  }

  write(key: string, text: string): Promise<string | undefined> {
    return codeOf(() => this.#opened.write([{ key, value: new TextEncoder().encode(text) }], 'synced'))
  }

  /** Writes on and on, key after key, telling each that resolved, until the page ends. */
  async writeForever(): Promise<void> {
    for (let i = 0; ; i++) {
      const value = new TextEncoder().encode(`value ${i}`)
      const both = [`a${i}`, `b${i}`].map((key) => ({ key, value }))
      await this.#opened.write(both, 'synced')
      console.log(`written ${i}`)
    }
  }

  async keys(prefix: string): Promise<string[]> {
    const keys: string[] = []
    for await (const { key } of this.#opened.scan(prefix)) keys.push(key)
    return keys
  }

  /** What is stored at the key: the error's text if it cannot be read. */
  async read(key: string): Promise<string | undefined> {
    try {
      return new TextDecoder().decode(await this.#opened.get(key))
    } catch (error) {
      return String(error)
    }
  }

  remove(name: string): Promise<string | undefined> {
    return codeOf(() => this.#storage.remove(name))
  }

  close(): Promise<void> {
    return this.#opened.close()
  }

  get #opened(): Store {
    if (this.#store === undefined) throw new Error('open first')
    return this.#store
  }
}

function contractCases(): ContractCase[] {
  const cases: ContractCase[] = []
  let count = 0
  describeStorageContract('IndexedDB', async () => indexedDbStorage(`contract ${count++}`), {
    describe: (_, body) => body(),
    it: (title, run) => cases.push({ title, run }),
  })
  return cases
}

async function codeOf(act: () => Promise<void>): Promise<string | undefined> {
  try {
    await act()
    return undefined
  } catch (error) {
    return LegionError.is(error) ? error.code : String(error)
  }
}

declare global {
  var storageLab: StorageLab
}

globalThis.storageLab = new StorageLab()
