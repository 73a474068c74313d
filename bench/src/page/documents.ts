import type * as Y from 'yjs'
import { nextTask } from './next-task.js'
import { type OpenOptions, openDocument, type SharedDocument } from './shared-document.js'
import { sentBytes, watchConnections } from './traffic.js'

export type Edit = 'map' | 'text'

export interface WriteOptions {
  readonly edit: Edit
  readonly count: number
  /** True: each in a task of its own, as if typed; false: all in one. */
  readonly apart: boolean
}

const KEYS = 100

watchConnections()

/** A page that shares one document at a time, driven through `globalThis.bench`. */
class DocumentBench {
  #document: SharedDocument | undefined

  open(options: OpenOptions): void {
    this.#document = openDocument(options)
  }

  shared(): Promise<void> {
    return this.#opened.shared()
  }

  /** @returns when it began, by the machine's clock, in ms */
  async write({ edit, count, apart }: WriteOptions): Promise<number> {
    const { y } = this.#opened
    const startMs = machineMs()
    for (let i = 0; i < count; i++) {
      editOnce(y, edit, i)
      if (apart) await nextTask()
    }
    return startMs
  }

  /** @returns when all edits of all writers were here, each of which moves a client's clock by one */
  async has(count: number): Promise<number> {
    const { y } = this.#opened
    await new Promise<void>((resolve) => {
      const check = () => {
        if (clocks(y) < count) return
        y.off('afterTransaction', check)
        resolve()
      }
      y.on('afterTransaction', check)
      check()
    })
    return machineMs()
  }

  sentBytes(): Promise<number> {
    return sentBytes()
  }

  async close(): Promise<void> {
    await this.#document?.close()
    this.#document = undefined
  }

  get #opened(): SharedDocument {
    if (this.#document === undefined) throw new Error('open first')
    return this.#document
  }
}

function editOnce(y: Y.Doc, edit: Edit, i: number): void {
  if (edit === 'map') y.getMap('map').set(`key-${i % KEYS}`, i)
  else y.getText('text').insert((i * 7919) % (y.getText('text').length + 1), 'x')
}

function clocks(y: Y.Doc): number {
  return [...y.store.clients.values()].reduce((sum, structs) => {
    const last = structs.at(-1)
    return sum + (last === undefined ? 0 : last.id.clock + last.length)
  }, 0)
}

function machineMs(): number {
  return performance.timeOrigin + performance.now()
}

declare global {
  var bench: DocumentBench
}

globalThis.bench = new DocumentBench()
