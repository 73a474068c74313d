import type { PeerId } from 'legion-mesh'
import { machineTools, type StateMachine } from 'legion-mesh/machines'
import { beforeEach, describe, expect, it } from 'vitest'
import { theatre } from '../src/theatre.js'

describe('theatre', () => {
  let machine: StateMachine
  let index: number

  beforeEach(() => {
    machine = theatre.create(machineTools)
    index = 0
  })

  function apply(from: string, name: keyof typeof theatre.commands, payload: string) {
    index += 1
    const context = { index, timestampMs: 0, random: () => 0, from: from as PeerId, version: 1 }
    return machine.apply({ name, payload }, context)
  }

  const holder = (seat: string) => machine.query({ name: 'holder', payload: seat }, { timestampMs: 0, version: 1 })

  it('[DEM1] gives a seat to the first and tells the second who has it', () => {
    expect(apply('ada', 'reserve', 'A1')).toEqual({ ok: true, output: { ok: true } })
    expect(apply('bob', 'reserve', 'A1')).toEqual({ ok: true, output: { ok: false, holder: 'ada' } })
    expect(holder('A1')).toBe('ada')
    expect(holder('A2')).toBeNull()
  })

  it('[DEM1] lets only its holder give a seat back', () => {
    apply('ada', 'reserve', 'A1')
    expect(apply('bob', 'release', 'A1')).toEqual({ ok: true, output: { ok: false, holder: 'ada' } })
    expect(apply('ada', 'release', 'A1')).toEqual({ ok: true, output: { ok: true } })
    expect(apply('ada', 'release', 'A1')).toEqual({ ok: true, output: { ok: false, holder: null } })
  })

  it.each(['Z1', 'A9', '__proto__', ''])('[DEM1] refuses the seat %j', (seat) => {
    expect(apply('ada', 'reserve', seat)).toMatchObject({ ok: false, rejected: 'There is no such seat.' })
    expect(machine.state).toEqual({ seats: {}, names: {} })
  })

  it('[DEM2] frees every seat of a holder that left', () => {
    apply('ada', 'reserve', 'A1')
    apply('ada', 'reserve', 'A2')
    apply('bob', 'reserve', 'A3')
    expect(apply('bob', 'vacate', 'ada')).toEqual({ ok: true, output: 2 })
    expect(machine.state).toMatchObject({ seats: { A3: 'bob' } })
  })

  it('[DEM2] remembers the names of all who hold a seat, and not for ever those of others', () => {
    apply('ada', 'introduce', 'Ada')
    apply('ada', 'reserve', 'A1')
    for (let i = 0; i < 200; i++) apply(`passer-by-${i}`, 'introduce', `Passer-by ${i}`)
    const { names } = machine.state as ReturnType<typeof theatre.initial>
    expect(Object.keys(names)).toHaveLength(100)
    expect(names).toMatchObject({ ada: 'Ada', 'passer-by-199': 'Passer-by 199' })
    expect(apply('ada', 'introduce', 'x'.repeat(61))).toMatchObject({ ok: false, rejected: expect.any(String) })
  })
})
