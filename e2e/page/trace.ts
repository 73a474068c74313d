import { Legion } from 'legion-mesh'
import * as Y from 'yjs'

/** What two people typed at once: a change sees exactly its parents, and all that those saw. */
export interface ConcurrentTrace {
  readonly txns: readonly {
    readonly agent: number
    readonly parents: readonly number[]
    readonly patches: readonly (readonly [position: number, deleted: number, inserted: string])[]
  }[]
}

/** So many changes, then a turn for the network. */
const SLICE = 50
/** An update of Yjs that changes nothing. */
const NOTHING = new Uint8Array([0, 0])

/**
 * One of the two, who types into an editor of their own, which has exactly what the trace says they saw. Each change
 * goes into the shared document's text, and beside it, under its number, for the other one's editor.
 */
class Typist {
  readonly #editor = new Y.Doc()
  readonly #seen = new Set<number>()
  #shared: Y.Doc | undefined

  open(): void {
    const settings = new URLSearchParams(location.search)
    const [cluster, signaling] = [settings.get('cluster') ?? '', settings.get('signaling') ?? '']
    this.#shared = Legion.open({ cluster, signaling }).doc('trace').y
  }

  get text(): string {
    return this.#document.getText('text').toString()
  }

  async type(agent: number, { txns }: ConcurrentTrace): Promise<void> {
    const made = this.#document.getMap<Uint8Array>('made')
    this.#editor.clientID = agent + 1 // of two who type at one place the lower one comes first, as in the trace
    for (const [i, txn] of txns.entries()) {
      if (txn.agent !== agent) continue
      while (!this.#see(txn.parents, txns, made)) await nextUpdate(this.#document)
      const update = this.#make(txn.patches)
      Y.applyUpdate(this.#document, update)
      made.set(String(i), update) // not in one transaction: Yjs would take this for somebody else's and change its client
      this.#seen.add(i)
      if (i % SLICE === 0) await nextTask()
    }
  }

  get #document(): Y.Doc {
    if (this.#shared === undefined) throw new Error('open first')
    return this.#shared
  }

  #make(patches: ConcurrentTrace['txns'][number]['patches']): Uint8Array {
    let made: Uint8Array = NOTHING
    const note = (update: Uint8Array) => {
      made = update
    }
    const text = this.#editor.getText('text')
    this.#editor.on('update', note)
    this.#editor.transact(() => {
      for (const [position, deleted, inserted] of patches) {
        if (deleted > 0) text.delete(position, deleted)
        if (inserted !== '') text.insert(position, inserted)
      }
    })
    this.#editor.off('update', note)
    return made
  }

  /** Takes changes into the editor, after all that they build on. False: something of that has not come yet. */
  #see(wanted: readonly number[], txns: ConcurrentTrace['txns'], made: Y.Map<Uint8Array>): boolean {
    const missing = [...wanted]
    for (let at = missing.at(-1); at !== undefined; at = missing.at(-1)) {
      const unseen = txns[at]?.parents.filter((parent) => !this.#seen.has(parent)) ?? []
      const update = made.get(String(at))
      if (this.#seen.has(at)) missing.pop()
      else if (unseen.length > 0) missing.push(...unseen)
      else if (update === undefined) return false
      else {
        Y.applyUpdate(this.#editor, update)
        this.#seen.add(at)
      }
    }
    return true
  }
}

function nextUpdate(y: Y.Doc): Promise<void> {
  return new Promise((resolve) => y.once('update', () => resolve()))
}

/** Sooner than a timer, which browsers hold back. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => resolve()
    port2.postMessage(undefined)
  })
}

declare global {
  var typist: Typist
}

globalThis.typist = new Typist()
typist.open()
