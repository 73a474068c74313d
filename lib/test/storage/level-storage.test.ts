import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ClassicLevel } from 'classic-level'
import { build } from 'vite'
import { beforeAll, expect, it, vi } from 'vitest'
import { levelStorage } from '../../src/node/level-storage.js'
import type { Storage } from '../../src/storage/storage.js'
import { temporaryDirectory } from './adapters.js'
import { bytes, contentsOf, text } from './stores.js'

/** Processes start slowly on a busy machine. */
const PATIENCE_MS = 60_000
/** Where the program is bundled to: a place from which packages are found and which nothing publishes. */
const PROGRAM_FOLDER = fileURLToPath(new URL('../../../node_modules/.legion-test-storage/', import.meta.url))

beforeAll(async () => {
  const entry = fileURLToPath(new URL('write-forever.ts', import.meta.url))
  await build({
    configFile: false,
    logLevel: 'error',
    build: { ssr: entry, outDir: PROGRAM_FOLDER, emptyOutDir: true },
  })
}, PATIENCE_MS)

it('[STO25] what resolved survives SIGKILL of a LevelDB process, and no batch is half there', {
  timeout: PATIENCE_MS,
}, async () => {
  const directory = await temporaryDirectory()
  const storage = levelStorage(directory)
  let resolved = -1
  for (const writesBeforeKill of [1, 40, 123]) {
    const writer = startWriter(directory)
    let seen = 0
    for await (const line of writer.lines) {
      resolved = Number(line)
      if (seen++ === 0) await expect(storage.open('store')).rejects.toMatchObject({ code: 'E_STORAGE_LOCKED' })
      if (seen === writesBeforeKill) writer.child.kill('SIGKILL')
    }
    await writer.exited
    const numbers = await numbersIn(storage)
    expect(numbers.first.length).toBeGreaterThan(resolved)
    expect(numbers.first).toEqual(numbers.first.map((_, index) => index))
    expect(numbers.second).toEqual(numbers.first)
    expect(numbers.third).toEqual(numbers.first)
  }
})

it('[STO17] LevelDB syncs every write: what is buffered could be lost though a later synced one is durable', async () => {
  const store = await levelStorage(await temporaryDirectory()).open('store')
  const batch = vi.spyOn(ClassicLevel.prototype, 'batch')
  await store.write([{ key: 'k', value: bytes('v') }], 'buffered')
  await store.write([{ key: 'k', value: bytes('w') }], 'synced')
  expect(batch.mock.calls.map((call: unknown[]) => call[1])).toEqual([{ sync: true }, { sync: true }])
  batch.mockRestore()
  await store.close()
})

it('[STO26] a damaged value in LevelDB is refused', async () => {
  const directory = await temporaryDirectory()
  const storage = await storageWith(directory, { whole: 'text', hurt: 'text' })
  const level = new ClassicLevel<string, Uint8Array>(join(directory, 'store.level'), { valueEncoding: 'view' })
  const value = await level.get('hurt')
  if (value !== undefined) value[value.length - 1] = 0
  await level.put('hurt', value ?? bytes(''))
  await level.close()
  const store = await storage.open('store')
  expect(text(await store.get('whole'))).toBe('text')
  await expect(store.get('hurt')).rejects.toMatchObject({
    code: 'E_STORAGE',
    message: expect.stringContaining('Store "store" is damaged: the value of "hurt"'),
  })
  await store.close()
})

it('[STO26] a byte that flipped in the log of LevelDB makes the store damaged for good; it can be removed', async () => {
  const directory = await temporaryDirectory()
  const storage = await storageWith(directory, { a: 'x'.repeat(1000), b: 'y'.repeat(1000), c: 'z'.repeat(1000) })
  await flipByte(await fileIn(join(directory, 'store.level'), /\.log$/), 1500)
  for (let attempt = 0; attempt < 3; attempt++) {
    await expect(storage.open('store')).rejects.toMatchObject({
      code: 'E_STORAGE',
      message: expect.stringContaining('Store "store" is damaged: the end of its log'),
    })
  }
  await storage.remove('store')
  expect(await storage.list()).toEqual([])
  const store = await storage.open('store')
  expect(await contentsOf(store)).toEqual({})
  await store.close()
})

it('[STO26] a LevelDB that cannot be opened is refused with its reason; it can be removed', async () => {
  const directory = await temporaryDirectory()
  const storage = await storageWith(directory, { a: 'text' })
  await writeFile(join(directory, 'store.level', 'CURRENT'), 'nonsense')
  await expect(storage.open('store')).rejects.toMatchObject({
    code: 'E_STORAGE',
    message: expect.stringMatching(/^Opening store "store" failed \(.*CURRENT file/),
  })
  await storage.remove('store')
  expect(await storage.list()).toEqual([])
})

it('[STO26] a log that ends in the middle of a record, as a crash leaves it, is no damage', async () => {
  const directory = await temporaryDirectory()
  const storage = await storageWith(directory, { a: 'x'.repeat(1000), b: 'y'.repeat(1000) })
  const log = await fileIn(join(directory, 'store.level'), /\.log$/)
  const content = await readFile(log)
  await writeFile(log, content.subarray(0, -10))
  const store = await storage.open('store')
  expect(await contentsOf(store)).toEqual({ a: 'x'.repeat(1000) })
  await store.close()
})

it('[STO27] lists only what is a store, and keeps names apart that differ in capitals only', async () => {
  const directory = await temporaryDirectory()
  await mkdir(join(directory, 'something else'))
  await writeFile(join(directory, 'file'), '')
  const storage = levelStorage(directory)
  await (await storage.open('Aa.-B')).close()
  const files = (await readdir(directory)).filter((file) => file.endsWith('.level'))
  expect(files).toEqual(['+aa.-+b.level'])
  expect(await storage.list()).toEqual(['Aa.-B'])
})

/** A store with one write for each entry. */
async function storageWith(directory: string, entries: Readonly<Record<string, string>>): Promise<Storage> {
  const storage = levelStorage(directory)
  const store = await storage.open('store')
  for (const [key, value] of Object.entries(entries)) await store.write([{ key, value: bytes(value) }], 'synced')
  await store.close()
  return storage
}

async function numbersIn(storage: Storage) {
  const store = await storage.open('store')
  const numbers = { first: [] as number[], second: [] as number[], third: [] as number[] }
  for (const prefix of ['first', 'second', 'third'] as const) {
    for await (const { key } of store.scan(`${prefix}/`)) numbers[prefix].push(Number(key.split('/')[1]))
  }
  await store.close()
  return numbers
}

function startWriter(directory: string) {
  const program = join(PROGRAM_FOLDER, 'write-forever.js')
  const child = spawn(process.execPath, [program, directory, 'v'.repeat(500)], { stdio: ['ignore', 'pipe', 'inherit'] })
  return { child, exited: once(child, 'close'), lines: createInterface({ input: child.stdout }) }
}

async function fileIn(directory: string, pattern: RegExp): Promise<string> {
  const file = (await readdir(directory)).find((name) => pattern.test(name))
  return join(directory, file ?? 'missing')
}

async function flipByte(file: string, at: number): Promise<void> {
  const content = await readFile(file)
  content[at] = (content[at] ?? 0) ^ 1
  await writeFile(file, content)
}
