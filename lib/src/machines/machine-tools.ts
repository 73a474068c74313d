import { create } from 'mutative'
import { freezePlain } from '../codec/value.js'
import type { MachineTools } from './machine.js'

/** What the library lends to machines: not imported by what a page loads first, for its size. */
export const machineTools: MachineTools = { editInPlace }

/** The draft is changed in place at every level. Costs time by the number of keys of each object and list changed. */
function editInPlace<State extends object>(state: State, recipe: (draft: State) => void): State {
  return freezePlain(create(state, recipe) as State, state, 'state')
}
