'use client'
import { defineMachine, Legion } from 'legion-mesh'
import { useEffect, useState } from 'react'

const machine = defineMachine({
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

export function Counter() {
  const [count, setCount] = useState(0)
  useEffect(() => {
    const legion = Legion.open({ cluster: 'counter', signaling: 'ws://localhost:4455', machine })
    legion.subscribe((state) => state.count, setCount)
    return () => void legion.close()
  }, [])
  return (
    <p>
      counter of {machine.name}: {count}
    </p>
  )
}
