import { equalBytes } from '../base/bytes.js'
import { type ErrorCode, LegionError } from '../base/errors.js'
import type { Storage, Store, StoreEntry } from '../storage/storage.js'
import type { ContractRunner } from './channel-contract.js'

const LARGE_BYTES = 8 * 1024 * 1024
const MANY = 1000
const KEY_LENGTH_MAX = 200
const NAME_LENGTH_MAX = 100

/**
 * What every Storage must do, as tests, for any test runner.
 * @param create gives a Storage with no stores in it; the suite closes what it opens
 */
export function describeStorageContract(
  name: string,
  create: () => Promise<Storage>,
  { describe, it }: ContractRunner,
): void {
  const testStorage = (title: string, body: (storage: Storage) => Promise<void>) => {
    it(title, async () => body(await create()))
  }
  const testStore = (title: string, body: (store: Store) => Promise<void>) => {
    testStorage(title, (storage) => using(storage, 'store', body))
  }
  describe(`the storage contract: ${name}`, () => {
    testStore('[STO1] gives back what was put, of every size, and nothing for what was deleted', keepsValues)
    testStore('[STO2] writes take effect in the order of the calls, and within a batch', writesInOrder)
    testStore('[STO3] a batch with something refused in it writes nothing', refusesWholeBatches)
    testStore('[STO4] scans the keys with a prefix in order, whatever comes before and after', scansPrefixes)
    testStore(
      '[STO5] a scan gives once and in order what is there all the time, whatever is written',
      scansWhileWriting,
    )
    testStorage('[STO6] a store is open once; closing it makes it free', opensOnce)
    testStorage('[STO7] lists the stores and removes them, but not while they are open', listsAndRemoves)
    testStorage('[STO8] a store opened again has everything, synced or buffered', reopens)
    testStorage('[STO9] keeps values of 8 MiB and thousands of keys', keepsMuch)
    testStorage('[STO10] close waits for writes; after it everything is refused with E_CLOSED', closesAfterWrites)
    testStorage('[STO11] refuses names and keys that are none with E_INVALID', refusesInvalid)
    testStore('[STO12] what was put or got belongs to the caller again', sharesNoBytes)
  })
}

async function keepsValues(store: Store): Promise<void> {
  for (const size of [0, 1, 2, 1000, 70_000]) {
    await store.write([{ key: 'k', value: patterned(size, size) }], 'synced')
    await checkValue(store, 'k', patterned(size, size))
  }
  await checkValue(store, 'other', undefined)
  await store.write([{ key: 'k', value: undefined }], 'synced')
  await checkValue(store, 'k', undefined)
  await store.write([{ key: 'k', value: undefined }], 'buffered')
}

async function writesInOrder(store: Store): Promise<void> {
  const puts = Array.from({ length: 50 }, (_, i) => {
    const both = [{ key: 'a', value: patterned(10, i) }]
    return store.write(both, i % 3 === 0 ? 'synced' : 'buffered')
  })
  const last = store.write(
    [
      { key: 'b', value: patterned(1, 1) },
      { key: 'b', value: undefined },
      { key: 'c', value: undefined },
      { key: 'c', value: patterned(1, 2) },
      { key: 'c', value: patterned(1, 3) },
    ],
    'synced',
  )
  await store.write([], 'synced')
  await Promise.all([...puts, last])
  await checkValue(store, 'a', patterned(10, 49))
  await checkValue(store, 'b', undefined)
  await checkValue(store, 'c', patterned(1, 3))
}

async function refusesWholeBatches(store: Store): Promise<void> {
  const batch = [
    { key: 'good', value: patterned(1, 1) },
    { key: 'bad\n', value: patterned(1, 2) },
  ]
  await checkError('E_INVALID', () => store.write(batch, 'synced'))
  await checkKeys(store, '', [])
}

async function scansPrefixes(store: Store): Promise<void> {
  const keys = ['~', 'log/9', 'log/10', 'log/~', 'log', 'log/', 'log/ ', 'lof~', 'log0', ' ', 'LOG/1', '~~']
  await put(store, keys)
  await checkKeys(store, 'log/', ['log/', 'log/ ', 'log/10', 'log/9', 'log/~'])
  await checkKeys(store, 'log', ['log', 'log/', 'log/ ', 'log/10', 'log/9', 'log/~', 'log0'])
  await checkKeys(store, '~', ['~', '~~'])
  await checkKeys(store, 'nothing', [])
  await checkKeys(store, '', [...keys].sort())
  const scanned: string[] = []
  for await (const key of store.scanKeys('log/')) scanned.push(key)
  check(scanned.join() === 'log/,log/ ,log/10,log/9,log/~', `scanKeys gives ${scanned.join()}`)
}

async function scansWhileWriting(store: Store): Promise<void> {
  const stable = numbered('stable', MANY)
  await put(store, stable)
  const seen: string[] = []
  const writing: Promise<void>[] = []
  for await (const { key } of store.scan('')) {
    if (key.startsWith('stable')) seen.push(key)
    if (seen.length % 100 !== 0) continue
    const before = { key: `a${seen.length}`, value: patterned(10, 1) }
    const between = { key: `${key}+`, value: patterned(10, 2) }
    writing.push(store.write([before, between], 'buffered'))
  }
  await Promise.all(writing)
  check(seen.join() === stable.join(), `${seen.length} of ${MANY} keys were seen, or in another order`)
}

async function opensOnce(storage: Storage): Promise<void> {
  const store = await openTwice(storage, 'one')
  await checkError('E_STORAGE_LOCKED', () => storage.open('one'))
  await using(storage, 'two', (other) => put(other, ['k']))
  await put(store, ['k'])
  await store.close()
  await using(storage, 'one', (again) => checkKeys(again, '', ['k']))
}

/** Both at the same time: one of them, whichever it is, has the store. */
async function openTwice(storage: Storage, name: string): Promise<Store> {
  const [one, other] = await Promise.allSettled([storage.open(name), storage.open(name)])
  const [opened, refused] = one.status === 'fulfilled' ? [one, other] : [other, one]
  await checkError('E_STORAGE_LOCKED', async () => {
    if (refused.status === 'rejected') throw refused.reason
  })
  if (opened.status === 'rejected') throw opened.reason
  return opened.value
}

async function listsAndRemoves(storage: Storage): Promise<void> {
  await checkNames(storage, [])
  for (const name of ['b', 'A', 'a', '..', '.', '-_9'])
    await using(storage, name, (store) => put(store, [`in ${name}`]))
  await using(storage, 'open', async () => {
    await checkNames(storage, ['-_9', '.', '..', 'A', 'a', 'b', 'open'])
    await checkError('E_STORAGE_LOCKED', () => storage.remove('open'))
  })
  await storage.remove('a')
  await storage.remove('never-there')
  await checkNames(storage, ['-_9', '.', '..', 'A', 'b', 'open'])
  await using(storage, 'A', (store) => checkKeys(store, '', ['in A']))
  await using(storage, 'a', (store) => checkKeys(store, '', []))
}

async function reopens(storage: Storage): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await using(storage, 'store', async (store) => {
      await checkKeys(store, '', numbered('k', 2 * round))
      await store.write([{ key: numbered('k', 2 * round + 1).at(-1) ?? '', value: patterned(9, 1) }], 'synced')
      await store.write([{ key: numbered('k', 2 * round + 2).at(-1) ?? '', value: patterned(9, 2) }], 'buffered')
    })
  }
}

async function keepsMuch(storage: Storage): Promise<void> {
  const large = patterned(LARGE_BYTES, 5)
  const keys = numbered('many', 5 * MANY)
  await using(storage, 'store', async (store) => {
    await Promise.all([store.write([{ key: 'large', value: large }], 'synced'), put(store, keys)])
  })
  await using(storage, 'store', async (store) => {
    await checkValue(store, 'large', large)
    await checkKeys(store, 'many', keys)
    for await (const { value } of store.scan('large')) check(equalBytes(value, large), 'the large value differs')
  })
}

async function closesAfterWrites(storage: Storage): Promise<void> {
  const store = await storage.open('store')
  let writtenCount = 0
  const keys = numbered('k', 20)
  const writes = keys.map(async (key) => {
    await store.write([{ key, value: patterned(5000, 1) }], 'synced')
    writtenCount++
  })
  await Promise.all([store.close(), store.close()])
  check(writtenCount === 20, `closed after ${writtenCount} of 20 writes`)
  await Promise.all(writes)
  await checkError('E_CLOSED', () => store.get('k'))
  await checkError('E_CLOSED', () => put(store, ['k']))
  await checkError('E_CLOSED', () => keysOf(store, ''))
  await store.close()
  await using(storage, 'store', (again) => checkKeys(again, '', keys))
}

async function refusesInvalid(storage: Storage): Promise<void> {
  for (const name of ['', 'a/b', 'a b', 'é', 'a\n', 'x'.repeat(NAME_LENGTH_MAX + 1)]) {
    await checkError('E_INVALID', () => storage.open(name))
    await checkError('E_INVALID', () => storage.remove(name))
  }
  await using(storage, 'x'.repeat(NAME_LENGTH_MAX), async (store) => {
    for (const key of ['', 'é', '\u007f', '\u001f', 'a\n', 'x'.repeat(KEY_LENGTH_MAX + 1)]) {
      await checkError('E_INVALID', () => store.get(key))
      await checkError('E_INVALID', () => put(store, [key]))
      if (key !== '') await checkError('E_INVALID', () => keysOf(store, key))
    }
    const longest = '~'.repeat(KEY_LENGTH_MAX)
    await put(store, [longest])
    await checkKeys(store, longest, [longest])
  })
}

async function sharesNoBytes(store: Store): Promise<void> {
  const given = patterned(1000, 3)
  await store.write([{ key: 'k', value: given.subarray(100, 200) }], 'buffered')
  given.fill(0)
  const got = await store.get('k')
  got?.fill(0)
  for await (const { value } of store.scan('k')) value.fill(0)
  await checkValue(store, 'k', patterned(1000, 3).slice(100, 200))
}

async function using(storage: Storage, name: string, body: (store: Store) => Promise<void>): Promise<void> {
  const store = await storage.open(name)
  try {
    await body(store)
  } finally {
    await store.close()
  }
}

function put(store: Store, keys: readonly string[]): Promise<void> {
  const batch = keys.map((key, index) => ({ key, value: patterned(20, index) }))
  return store.write(batch, 'synced')
}

/** `count` keys in ascending order. */
function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(6, '0')}`)
}

async function entriesOf(store: Store, prefix: string): Promise<StoreEntry[]> {
  const entries: StoreEntry[] = []
  for await (const entry of store.scan(prefix)) entries.push(entry)
  return entries
}

async function keysOf(store: Store, prefix: string): Promise<string[]> {
  return (await entriesOf(store, prefix)).map(({ key }) => key)
}

async function checkKeys(store: Store, prefix: string, expected: readonly string[]): Promise<void> {
  const keys = await keysOf(store, prefix)
  const isSame = keys.length === expected.length && keys.every((key, index) => key === expected[index])
  check(isSame, `the keys with "${prefix}" are ${shown(keys)} instead of ${shown(expected)}`)
}

async function checkNames(storage: Storage, expected: readonly string[]): Promise<void> {
  const names = await storage.list()
  check(names.join() === expected.join(), `the stores are ${shown(names)} instead of ${shown(expected)}`)
}

async function checkValue(store: Store, key: string, expected: Uint8Array | undefined): Promise<void> {
  const value = await store.get(key)
  const isSame = value === undefined || expected === undefined ? value === expected : equalBytes(value, expected)
  check(isSame, `"${key}" has ${value?.length} bytes; expected ${expected?.length}, or others`)
}

async function checkError(code: ErrorCode, act: () => Promise<unknown>): Promise<void> {
  try {
    await act()
  } catch (error) {
    check(LegionError.is(error) && error.code === code, `expected ${code}, got ${String(error)}`)
    return
  }
  throw new Error(`expected ${code}, but nothing failed`)
}

function shown(list: readonly string[]): string {
  return JSON.stringify(list.slice(0, 20)) + (list.length > 20 ? ` and ${list.length - 20} more` : '')
}

/** Bytes that differ from place to place and from seed to seed. */
function patterned(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + seed * 17 + (i >> 8)) & 255
  return bytes
}

function check(condition: boolean, problem: string): void {
  if (!condition) throw new Error(problem)
}
