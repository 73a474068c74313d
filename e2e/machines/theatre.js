import { defineMachine, Rejected } from 'legion-mesh'

/** Seats of a theatre: what the tabs under test and `legion-peer` run. */
export const theatre = defineMachine({
  name: 'theatre',
  version: 1,
  initial: () => ({ seats: /** @type {Record<string, string>} */ ({}) }),
  commands: {
    /** @param {string} seat */
    reserve(state, seat, { from }) {
      const holder = state.seats[seat]
      if (holder !== undefined) return { ok: false, holder }
      state.seats[seat] = from
      return { ok: true, holder: from }
    },
    /** @param {string} seat */
    release(state, seat, { from }) {
      if (state.seats[seat] !== from) throw new Rejected('not yours', { seat })
      delete state.seats[seat]
    },
  },
  queries: {
    /** @param {string} seat */
    holder: (state, seat) => state.seats[seat],
    taken: (state) => Object.keys(state.seats).sort(),
  },
})
