import { editInPlace } from './edit-in-place.js'
import type { MachineTools } from './machine.js'

/** What the library lends to machines: not imported by what a page loads first, for its size. */
export const machineTools: MachineTools = { editInPlace }
