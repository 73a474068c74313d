import { defineMachine, Legion } from 'legion-mesh'

const counter = defineMachine({
  name: 'counter',
  version: 1,
  initial: () => ({ count: 0 }),
  commands: {
    add: (state, by: number) => {
      state.count += by
      return state.count
    },
  },
})

const button = document.querySelector('#count')
const legion = await Legion.join({ cluster: 'counter', signaling: 'ws://localhost:4455', machine: counter })
legion.subscribe(
  (state) => state.count,
  (count) => button?.replaceChildren(String(count)),
)
button?.addEventListener('click', () => void legion.applyConsistent('add', 1))
legion.applyFast((doc) => doc.getText('notes').insert(0, 'hello'))
