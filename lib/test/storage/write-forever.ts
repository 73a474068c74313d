/** Run as a process of its own: writes synced batches to a LevelDB, telling each that resolved, until it is killed. */
import { levelStorage } from '../../src/node/level-storage.js'

const [, , directory = '', value = ''] = process.argv
const store = await levelStorage(directory).open('store')
let next = 0
for await (const { key } of store.scan('first/')) next = Number(key.slice('first/'.length)) + 1

const numbered = (prefix: string, n: number) => prefix + String(n).padStart(8, '0')
const write = async (n: number) => {
  const batch = ['first/', 'second/', 'third/'].map((prefix) => {
    return { key: numbered(prefix, n), value: new TextEncoder().encode(`${n} ${value}`) }
  })
  await store.write(batch, 'synced')
  process.stdout.write(`${n}\n`)
}

// Eight at once: some have always begun and not resolved.
for (; ; next += 8) await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map((ahead) => write(next + ahead)))
