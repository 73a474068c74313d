import { existsSync, readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import * as Y from 'yjs'
import { requireLegion } from './legion-tasks.js'
import { machineMs } from './machine-clock.js'

type Patch = readonly [position: number, deleted: number, inserted: string]

interface Trace {
  readonly txns: readonly { readonly patches: readonly Patch[] }[]
  readonly endContent: string
}

const TRACE = fileURLToPath(
  new URL('../../../../shared/data/editing-traces/automerge-paper.sequential.json.gz', import.meta.url),
)
/** So many edits, then a turn for the network. */
const SLICE = 1_000

/** The keystrokes of a whole paper (josephg/editing-traces), each a transaction of its own. */
export const traceTasks = {
  hasTrace(): boolean {
    return existsSync(TRACE)
  },

  /** On a document that nobody shares. @returns how long it took, in ms */
  applyTraceAlone(): number {
    const { txns } = readTrace()
    const text = new Y.Doc().getText('text')
    const startMs = performance.now()
    for (const { patches } of txns) applyTo(text, patches)
    return performance.now() - startMs
  },

  /** @returns when it began, by the machine's clock */
  async typeTrace(document: string): Promise<number> {
    const { txns } = readTrace()
    const text = requireLegion().doc(document).y.getText('text')
    const startMs = machineMs()
    for (const [i, { patches }] of txns.entries()) {
      applyTo(text, patches)
      if (i % SLICE === 0) await setImmediate()
    }
    return startMs
  },

  /** @returns when all of it was here, by the machine's clock */
  async hasWholeTrace(document: string): Promise<number> {
    const { endContent } = readTrace()
    const { y } = requireLegion().doc(document)
    const text = y.getText('text')
    await new Promise<void>((resolve) => {
      // Who listens to `update` makes Yjs encode every transaction.
      const check = () => {
        if (text.length !== endContent.length || text.toString() !== endContent) return
        y.off('afterTransaction', check)
        resolve()
      }
      y.on('afterTransaction', check)
      check()
    })
    return machineMs()
  },
}

let trace: Trace | undefined

function readTrace(): Trace {
  trace ??= JSON.parse(gunzipSync(readFileSync(TRACE)).toString()) as Trace
  return trace
}

function applyTo(text: Y.Text, patches: readonly Patch[]): void {
  text.doc?.transact(() => {
    for (const [position, deleted, inserted] of patches) {
      if (deleted > 0) text.delete(position, deleted)
      if (inserted !== '') text.insert(position, inserted)
    }
  })
}
