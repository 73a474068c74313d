import { describe, expect, it } from 'vitest'
import type { LegionError } from '../../src/base/errors.js'
import { defineMachine, strictMachine } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer } from '../../src/testing/simulation.js'

const dice = defineMachine({
  name: 'dice',
  version: 1,
  initial: () => ({ sum: 0 }),
  commands: {
    roll: (state, _: undefined, { random }) => {
      state.sum += Math.floor(random() * 6)
    },
    cheat: (state) => {
      state.sum += Math.random()
    },
    peek: (state) => {
      state.sum = Date.now()
    },
  },
})

describe('the option strict', () => {
  it('[LEG56] reports a command that would make replicas differ once, in the error event; others never', async () => {
    const simulation = createSimulation({ seed: 7 })
    const options = { machine: dice, strict: strictMachine }
    const [{ legion }] = (await simulation.peers(1, options)) as [SimulatedPeer<typeof dice>]
    const errors: LegionError[] = []
    legion.on('error', (error) => errors.push(error))
    await simulation.until(legion.applyConsistent('roll'))
    for (let i = 0; i < 3; i++) await simulation.until(legion.applyConsistent('cheat'))
    await simulation.until(legion.applyConsistent('peek'))
    expect(errors.map(({ code }) => code)).toEqual(['E_MACHINE', 'E_MACHINE'])
    expect(errors.map(({ details }) => details)).toMatchObject([
      { machine: 'dice', what: 'command "cheat"', used: ['Math.random'] },
      { machine: 'dice', what: 'command "peek"', used: ['Date.now'] },
    ])
  })

  it('[LEG56] holds for other groups too, each with its own reports; without it nothing is reported', async () => {
    const simulation = createSimulation({ seed: 8 })
    const [strict] = (await simulation.peers(1, { strict: strictMachine })) as [SimulatedPeer]
    const errors: LegionError[] = []
    strict.legion.on('error', (error) => errors.push(error))
    for (const name of ['left', 'right']) {
      const group = await simulation.until(strict.legion.group(name, dice))
      await simulation.until(group.applyConsistent('cheat'))
    }
    expect(errors).toHaveLength(2)

    const other = createSimulation({ seed: 9 })
    const [lax] = (await other.peers(1, { machine: dice })) as [SimulatedPeer<typeof dice>]
    lax.legion.on('error', (error) => errors.push(error))
    await other.until(lax.legion.applyConsistent('cheat'))
    expect(errors).toHaveLength(2)
  })
})
