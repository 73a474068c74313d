import { defineMachine } from 'legion-mesh'
import { theatre } from '../../demo-web/dist/machine/theatre.js'

/** The demo's machine as its next release may have it. */
export const machine = defineMachine({
  name: theatre.name,
  version: 2,
  initial: theatre.initial,
  commands: theatre.commands,
  queries: theatre.queries,
})
