import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import * as Y from 'yjs'

const ROOT = fileURLToPath(new URL('../../../../shared/data/editing-traces/', import.meta.url))

type Patch = readonly [position: number, deleted: number, inserted: string]

interface Transaction {
  readonly patches: readonly Patch[]
}

interface ConcurrentTransaction extends Transaction {
  readonly agent: number
  readonly parents: readonly number[]
}

export interface Trace<T extends Transaction> {
  readonly endContent: string
  readonly txns: readonly T[]
}

/** Undefined where there is none. */
export function readTrace(name: 'automerge-paper.sequential'): Trace<Transaction> | undefined
export function readTrace(name: 'friendsforever.concurrent'): Trace<ConcurrentTransaction> | undefined
export function readTrace(name: string): Trace<Transaction> | undefined {
  const file = `${ROOT}${name}.json.gz`
  return existsSync(file) ? JSON.parse(gunzipSync(readFileSync(file)).toString()) : undefined
}

export function applyPatches(text: Y.Text, { patches }: Transaction): void {
  for (const [position, deleted, inserted] of patches) {
    if (deleted > 0) text.delete(position, deleted)
    if (inserted !== '') text.insert(position, inserted)
  }
}

interface Made {
  readonly update: Uint8Array
  /** What has to be in a document that has it all. */
  readonly clock: number
  readonly deletions: readonly { readonly client: number; readonly clock: number }[]
}

/**
 * Somebody who types into an editor of their own, which has exactly what the trace says they saw, and shares it by a
 * document: every change goes there at once; a change of somebody else goes into the editor when it has come by the
 * document and the trace says it was seen.
 */
export class Typist {
  readonly #trace: Trace<ConcurrentTransaction>
  readonly #made: (Made | undefined)[]
  readonly #shared: Y.Doc
  readonly #editor = new Y.Doc()
  readonly #seen = new Set<number>()
  readonly #own: readonly number[]
  #next = 0

  /** @param made by transaction, filled by all typists of a trace */
  constructor(agent: number, trace: Trace<ConcurrentTransaction>, made: (Made | undefined)[], shared: Y.Doc) {
    this.#trace = trace
    this.#made = made
    this.#shared = shared
    this.#editor.clientID = clientOf(agent)
    this.#own = [...trace.txns.keys()].filter((i) => trace.txns[i]?.agent === agent)
  }

  get isDone(): boolean {
    return this.#next === this.#own.length
  }

  /** Makes the next change, if all that it builds on has come. */
  type(): boolean {
    const i = this.#own[this.#next]
    const transaction = i === undefined ? undefined : this.#trace.txns[i]
    if (i === undefined || transaction === undefined || !transaction.parents.every((parent) => this.#see(parent))) {
      return false
    }
    this.#made[i] = this.#make(transaction)
    this.#seen.add(i)
    this.#next++
    return true
  }

  #make(transaction: Transaction): Made {
    const editor = this.#editor
    let made: Made | undefined
    const keep = (update: Uint8Array, _origin: unknown, __: Y.Doc, { deleteSet }: Y.Transaction) => {
      const deletions = [...deleteSet.clients].flatMap(([client, ranges]) =>
        ranges.map(({ clock, len }) => ({ client, clock: clock + len - 1 })),
      )
      made = { update, clock: Y.getState(editor.store, editor.clientID), deletions }
    }
    editor.once('update', keep)
    editor.transact(() => applyPatches(editor.getText('t'), transaction))
    editor.off('update', keep)
    made ??= { update: new Uint8Array([0, 0]), clock: 0, deletions: [] } // it changed nothing
    Y.applyUpdate(this.#shared, made.update, 'typist')
    return made
  }

  /** Takes a change into the editor, after all that it builds on. False: something of that has not come yet. */
  #see(i: number): boolean {
    const missing = [i]
    for (let at = missing.at(-1); at !== undefined; at = missing.at(-1)) {
      const unseen = this.#trace.txns[at]?.parents.filter((parent) => !this.#seen.has(parent)) ?? []
      if (!this.#seen.has(at) && unseen.length > 0) missing.push(...unseen)
      else if (!this.#take(at)) return false
      else missing.pop()
    }
    return true
  }

  #take(i: number): boolean {
    if (this.#seen.has(i)) return true
    const [made, agent] = [this.#made[i], this.#trace.txns[i]?.agent]
    if (made === undefined || agent === undefined || !this.#hasCome(made, agent)) return false
    Y.applyUpdate(this.#editor, made.update)
    this.#seen.add(i)
    return true
  }

  #hasCome({ clock, deletions }: Made, agent: number): boolean {
    const { store } = this.#shared
    if (Y.getState(store, clientOf(agent)) < clock) return false
    return deletions.every((id) => Y.getItem(store, Y.createID(id.client, id.clock)).deleted)
  }
}

function clientOf(agent: number): number {
  return agent + 1
}
