import { defineMachine, Rejected } from '../../src/machines/index.js'

/** The machine of the swarm: lists that only grow, so that a lost or doubled command shows for ever. */
export const ledger = defineMachine({
  name: 'ledger',
  version: 1,
  initial: () => ({ lists: {} as Record<string, string[]>, draws: 0 }),
  commands: {
    append(state, { key, item }: { key: string; item: string }) {
      const list = Object.hasOwn(state.lists, key) ? (state.lists[key] ?? []) : []
      list.push(item)
      state.lists[key] = list
      return list.length
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
    list: (state, key: string) => state.lists[key] ?? [],
  },
})

export type Ledger = typeof ledger
