import { defineMachine } from 'legion-mesh'
import { theatre } from './theatre.js'

/** @typedef {{ seats: Record<string, string>, prices?: Record<string, number> }} State */

const USUAL_PRICE = 20

/** The next version of the theatre: what is taken has a price. */
export const theatre2 = defineMachine({
  name: theatre.name,
  version: 2,
  initial: () => /** @type {State} */ (theatre.initial()),
  since: { price: 2 },
  migrate: {
    2: (/** @type {State} */ state) => {
      state.prices = Object.fromEntries(Object.keys(state.seats).map((seat) => [seat, USUAL_PRICE]))
    },
  },
  commands: {
    ...theatre.commands,
    /** @param {{ seat: string, amount: number }} change */
    price(state, change) {
      state.prices = { ...state.prices, [change.seat]: change.amount }
    },
  },
  queries: theatre.queries,
})
