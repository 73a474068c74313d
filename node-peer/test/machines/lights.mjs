import { defineMachine } from 'legion-mesh'

export const lights = defineMachine({
  name: 'lights',
  version: 1,
  initial: () => ({ on: false }),
  commands: {
    toggle(state) {
      state.on = !state.on
      return state.on
    },
  },
})
