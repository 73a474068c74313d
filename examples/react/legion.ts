import { defineMachine } from 'legion-mesh'
import { createLegionReact } from 'legion-mesh/react'

export const theatre = defineMachine({
  name: 'theatre',
  version: 1,
  initial: () => ({ seats: {} as Record<string, string> }),
  commands: {
    reserve(state, seat: string, { from }) {
      if (Object.hasOwn(state.seats, seat)) return false
      state.seats[seat] = from
      return true
    },
  },
})

// In a module of its own, so that a change of a component leaves the Legion open when Vite reloads only that.
export const { LegionProvider, useLegion, useConsistent, useDoc, useYjs, usePeers } =
  createLegionReact<typeof theatre>()
