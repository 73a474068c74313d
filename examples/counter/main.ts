import { defineMachine, Legion } from 'legion-mesh'

const counter = defineMachine({
  name: 'counter',
  version: 1,
  initial: () => ({ count: 0 }),
  commands: { increment: (state) => ++state.count },
})

const legion = await Legion.join({ cluster: 'counter', signaling: 'ws://localhost:4455', machine: counter })
const button = document.body.appendChild(document.createElement('button'))
const show = (count: number) => button.replaceChildren(`${count}`)
button.onclick = () => legion.applyConsistent('increment')
legion.subscribe((state) => state.count, show)
