import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import type { Outcome } from 'legion-mesh'
import { type KvInput, type KvOutput, type Operation, UNKNOWN } from 'legion-mesh/testing'
import { machineMicros } from './machine-clock.js'
import type { Journal } from './workload.js'

export type KvOperation = Operation<KvInput, KvOutput>

/** One line of a journal. */
type Entry =
  | { readonly invoked: number; readonly at: number; readonly input: KvInput }
  | { readonly returned: number; readonly at: number; readonly output?: KvOutput }
  | { readonly failed: number; readonly at: number; readonly outcome: Outcome; readonly code: string }

/**
 * A file of lines, each written before the call returns: the kernel has it then, and a SIGKILL of this process loses
 * nothing of it.
 */
export class FileJournal implements Journal {
  readonly #file: number
  #last = 0

  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  invoked(input: KvInput): number {
    const invoked = ++this.#last
    this.#write({ invoked, at: machineMicros(), input })
    return invoked
  }

  returned(operation: number, output: KvOutput): void {
    this.#write({ returned: operation, at: machineMicros(), output })
  }

  failed(operation: number, outcome: Outcome, code: string): void {
    this.#write({ failed: operation, at: machineMicros(), outcome, code })
  }

  close(): void {
    closeSync(this.#file)
  }

  #write(entry: Entry): void {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`)
  }
}

/** What one process did. */
export interface JournalContent {
  /** Without those that failed and were not applied: a history in which they show is not linearizable. */
  readonly operations: readonly KvOperation[]
  /** Error codes of what failed, with how often. */
  readonly failures: ReadonlyMap<string, number>
  readonly notApplied: number
}

/** @param process for the explanation of a violation */
export function readJournal(path: string, process: string): JournalContent {
  const operations = new Map<number, KvOperation>()
  const failures = new Map<string, number>()
  let notApplied = 0
  for (const entry of entriesOf(readFileSync(path, 'utf8'))) {
    if ('invoked' in entry) {
      const { invoked, at, input } = entry
      operations.set(invoked, { process, input, output: UNKNOWN, invokedAt: at, returnedAt: undefined })
    } else if ('returned' in entry) {
      const open = operations.get(entry.returned) as KvOperation
      operations.set(entry.returned, { ...open, output: entry.output, returnedAt: entry.at })
    } else {
      failures.set(entry.code, (failures.get(entry.code) ?? 0) + 1)
      if (entry.outcome === 'unknown') continue
      operations.delete(entry.failed)
      notApplied++
    }
  }
  return { operations: [...operations.values()], failures, notApplied }
}

/** A last line that was cut off was not written when its process died: nobody acted on it. */
function* entriesOf(text: string): Iterable<Entry> {
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    if (line !== '') yield JSON.parse(line)
  }
}
