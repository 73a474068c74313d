import { defineMachine, Rejected } from '../../src/machines/index.js'
import type { Frozen } from '../../src/machines/types.js'

/** What a command came to, in the order of the log: a lost or doubled one shows for ever. */
export interface JournalEntry {
  readonly item: string
  readonly output: number | boolean
}

export interface LedgerState {
  lists: Record<string, string[]>
  cells: Record<string, number>
  journal: JournalEntry[]
  draws: number
}

interface Command {
  readonly key: string
  /** Different in every command. */
  readonly item: string
}

/** The machine of the swarm: lists that only grow, cells with one number each, and a journal of all that was done. */
export const ledger = defineMachine({
  name: 'ledger',
  version: 1,
  initial: (): LedgerState => ({ lists: {}, cells: {}, journal: [], draws: 0 }),
  commands: {
    append(state, { key, item }: Command) {
      state.lists[key] = [...listOf(state, key), item]
      return noted(state, item, listOf(state, key).length)
    },
    /** Returns what was there before. */
    set(state, { key, item, value }: Command & { value: number }) {
      const before = cellOf(state, key)
      state.cells[key] = value
      return noted(state, item, before)
    },
    compareAndSet(state, { key, item, expected, value }: Command & { expected: number; value: number }) {
      const matches = cellOf(state, key) === expected
      if (matches) state.cells[key] = value
      return noted(state, item, matches)
    },
    increment(state, { key, item }: Command) {
      state.cells[key] = cellOf(state, key) + 1
      return noted(state, item, cellOf(state, key))
    },
    /** Depends on the context: replicas differ at once if it does. */
    draw(state, { item }: { item: string }, { random, timestampMs, from, index }) {
      state.draws = Math.floor(random() * 2 ** 30) + (timestampMs % 1000) + from.length + index + item.length
      return state.draws
    },
    refuse(_state, { item }: { item: string }) {
      throw new Rejected('refused', { item })
    },
  },
  queries: {
    list: (state, key: string) => listOf(state, key),
    cell: (state, key: string) => cellOf(state, key),
  },
})

export type Ledger = typeof ledger

function listOf(state: Frozen<LedgerState>, key: string): readonly string[] {
  return Object.hasOwn(state.lists, key) ? (state.lists[key] ?? []) : []
}

function cellOf(state: Frozen<LedgerState>, key: string): number {
  return Object.hasOwn(state.cells, key) ? (state.cells[key] ?? 0) : 0
}

function noted<T extends JournalEntry['output']>(state: LedgerState, item: string, output: T): T {
  state.journal.push({ item, output })
  return output
}
