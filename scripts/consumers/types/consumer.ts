import { defineMachine, kv, Legion, LegionError, type Platform, Rejected } from 'legion-mesh'
import * as machines from 'legion-mesh/machines'
import { nodePlatform } from 'legion-mesh/node'
import * as raft from 'legion-mesh/raft'
import * as testing from 'legion-mesh/testing'

export const entries = { kv, machines, raft, testing }

export const theatre = defineMachine({
  name: 'theatre',
  version: 1,
  initial: () => ({ seats: {} as Record<string, string> }),
  commands: {
    reserve(state, seat: string, { from }) {
      if (seat === '') throw new Rejected('A seat has a name.')
      const holder = state.seats[seat]
      if (holder !== undefined) return { ok: false, holder }
      state.seats[seat] = from
      return { ok: true }
    },
  },
  queries: { holder: (state, seat: string) => state.seats[seat] ?? null },
})

/** What is exported without being annotated must have a name that other modules can write down. */
export async function open(platform: Platform) {
  const legion = await Legion.join({ cluster: 'theatre', signaling: 'ws://localhost:4455', machine: theatre, platform })
  const reserved = await legion.applyConsistent('reserve', '12A')
  const holder: string | null = reserved.ok ? legion.self.id : await legion.read('holder', '12A')
  // @ts-expect-error no such command
  await legion.applyConsistent('release', '12A')
  // @ts-expect-error a seat is a string
  await legion.applyConsistent('reserve', 12)
  return { legion, holder }
}

export async function openKv() {
  const legion = await Legion.join({ cluster: 'kv', signaling: 'ws://localhost:4455', platform: await nodePlatform() })
  await legion.applyConsistent('set', { key: 'a', value: 1 })
  return legion
}

export function explain(error: unknown): string {
  return LegionError.is(error) ? error.code : 'unknown'
}
