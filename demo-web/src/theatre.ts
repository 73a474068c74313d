import { defineMachine, Rejected } from 'legion-mesh'

export const ROWS = ['A', 'B', 'C', 'D', 'E', 'F'] as const
export const SEATS_PER_ROW = 8

export interface TheatreState {
  /** Who holds each taken seat: a PeerId. */
  readonly seats: Record<string, string>
  /** What holders are called, for when they are gone. */
  readonly names: Record<string, string>
}

const NAME_MAX = 60
/** Names above this number are kept only of those who hold a seat. */
const NAMES_KEPT = 100

/** The booking of seats: everyone sees the same, and of two who want one seat exactly one gets it. */
export const theatre = defineMachine({
  name: 'theatre',
  version: 1,
  initial: (): TheatreState => ({ seats: {}, names: {} }),
  commands: {
    introduce(state, name: string, { from }) {
      if (typeof name !== 'string' || name.length > NAME_MAX) throw new Rejected('A name has at most 60 characters.')
      state.names[from] = name
      forgetNames(state, from)
    },

    reserve(state, seat: string, { from }) {
      requireSeat(seat)
      const holder = state.seats[seat]
      if (holder !== undefined) return { ok: false, holder }
      state.seats[seat] = from
      return { ok: true }
    },

    /** Only the holder may. */
    release(state, seat: string, { from }) {
      requireSeat(seat)
      const holder = state.seats[seat]
      if (holder !== from) return { ok: false, holder: holder ?? null }
      delete state.seats[seat]
      return { ok: true }
    },

    /** Frees all seats of a peer that left for good, which the caller has seen. Returns how many. */
    vacate(state, holder: string) {
      const seats = Object.keys(state.seats).filter((seat) => state.seats[seat] === holder)
      for (const seat of seats) delete state.seats[seat]
      return seats.length
    },
  },
  queries: {
    holder: (state, seat: string) => state.seats[requireSeat(seat)] ?? null,
  },
})

/** A seat's name, e.g. `C7`: row and number. */
export function seatName(row: string, number: number): string {
  return `${row}${number}`
}

const SEATS: ReadonlySet<string> = new Set(
  ROWS.flatMap((row) => Array.from({ length: SEATS_PER_ROW }, (_, index) => seatName(row, index + 1))),
)

function requireSeat(seat: string): string {
  if (!SEATS.has(seat)) throw new Rejected('There is no such seat.')
  return seat
}

function forgetNames(state: TheatreState, kept: string): void {
  const holders = new Set([...Object.values(state.seats), kept])
  const forgettable = Object.keys(state.names).filter((peer) => !holders.has(peer))
  const surplus = Object.keys(state.names).length - NAMES_KEPT
  for (const peer of forgettable.slice(0, Math.max(0, surplus))) delete state.names[peer]
}
