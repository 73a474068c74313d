import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClassicLevel } from 'classic-level'
import { LegionError } from '../base/errors.js'
import { checkedStorage } from '../storage/checked-storage.js'
import { damagedError, lockedError } from '../storage/failure.js'
import type { KeyRange, RawStorage, RawStore } from '../storage/raw-storage.js'
import type { Storage, StoreEntry, Write } from '../storage/storage.js'

type Level = ClassicLevel<string, Uint8Array>

const SUFFIX = '.level'

/**
 * Stores on a process's own disk, each a LevelDB in a sub-directory of `directory`, which is made if it is missing.
 * LevelDB's lock on the sub-directory holds as long as the process lives.
 * @throws LegionError E_UNSUPPORTED on opening, with the command that installs `classic-level`
 */
export function levelStorage(directory: string): Storage {
  return checkedStorage(new LevelStorage(directory))
}

class LevelStorage implements RawStorage {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  async open(name: string): Promise<RawStore> {
    const level = await this.#openLevel(name)
    if (await hasDropped(this.#pathOf(name))) {
      await level.close()
      throw damagedError(name, 'the end of its log')
    }
    return new LevelStore(level)
  }

  async list(): Promise<string[]> {
    const files = await readdir(this.#directory).catch(nothingThere)
    return files.filter((file) => file.endsWith(SUFFIX)).map(nameOf)
  }

  async remove(name: string): Promise<void> {
    if (!(await this.list()).includes(name)) return
    const { ClassicLevel } = await loadLevel()
    await ClassicLevel.destroy(this.#pathOf(name)).catch((error) => {
      throw isLocked(error) ? lockedError(name) : error
    })
    await rm(this.#pathOf(name), { recursive: true, force: true })
  }

  async #openLevel(name: string): Promise<Level> {
    const { ClassicLevel } = await loadLevel()
    await mkdir(this.#directory, { recursive: true })
    const level = new ClassicLevel<string, Uint8Array>(this.#pathOf(name), {
      keyEncoding: 'utf8',
      valueEncoding: 'view',
    })
    await level.open().catch((error) => {
      throw isLocked(error.cause) ? lockedError(name) : error
    })
    return level
  }

  #pathOf(name: string): string {
    return join(this.#directory, fileOf(name))
  }
}

class LevelStore implements RawStore {
  readonly #level: Level

  constructor(level: Level) {
    this.#level = level
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#level.get(key)
  }

  async page({ from, to }: KeyRange, limit: number): Promise<StoreEntry[]> {
    const entries = await this.#level.iterator({ gte: from, lt: to, limit }).all()
    return entries.map(([key, value]) => ({ key, value }))
  }

  /**
   * Always synced: LevelDB moves to a new log file now and then, and a sync of the new one says nothing about the end of
   * the old one. What is buffered there could be lost though something later is durable.
   */
  write(batch: readonly Write[]): Promise<void> {
    const operations = batch.map(({ key, value }) =>
      value === undefined ? ({ type: 'del', key } as const) : ({ type: 'put', key, value } as const),
    )
    return this.#level.batch(operations, { sync: true })
  }

  close(): Promise<void> {
    return this.#level.close()
  }
}

async function loadLevel(): Promise<typeof import('classic-level')> {
  return import('classic-level').catch((cause) => {
    throw new LegionError('E_UNSUPPORTED', 'Storage on disk in Node needs LevelDB. Run: npm install classic-level', {
      cause,
    })
  })
}

function nothingThere(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return []
  throw error
}

/**
 * True if LevelDB, on this opening or an earlier one, left out writes because their log was damaged. It tells only the
 * text of its own log of that opening, and goes on with a hole in the data; so a mark is left that outlives it.
 */
async function hasDropped(path: string): Promise<boolean> {
  const mark = join(path, 'DAMAGED')
  if (existsSync(mark)) return true
  const report = await readFile(join(path, 'LOG'), 'utf8')
  const isDropped = /: dropping \d+ bytes/.test(report)
  if (isDropped) await writeFile(mark, report)
  return isDropped
}

function isLocked(error: { readonly code?: unknown } | undefined): boolean {
  return error?.code === 'LEVEL_LOCKED'
}

/** Some file systems know no capitals: `A` becomes `+a`. */
function fileOf(name: string): string {
  return name.replace(/[A-Z]/g, (capital) => `+${capital.toLowerCase()}`) + SUFFIX
}

function nameOf(file: string): string {
  return file.slice(0, -SUFFIX.length).replace(/\+([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
