import { describe, expect, it } from 'vitest'
import type { LegionError } from '../../src/base/errors.js'
import { createSimulation } from '../../src/testing/simulation.js'

describe('the options authorize and credential', () => {
  it('[MSH64] keep who shows nothing fit out of everything: documents, messages and state', async () => {
    const simulation = createSimulation({ seed: 3 })
    const handlers = { ping: () => 'pong' }
    const authorize = async ({ credential }: { credential: string | undefined }) => credential === 'open sesame'
    const options = { handlers, authorize, credential: 'open sesame' }
    const members = await simulation.peers(2, options)
    const errors: LegionError[] = []
    const stranger = simulation.open({ handlers, credential: () => 'open barley' })
    stranger.legion.on('error', (error) => errors.push(error))
    members[0]?.legion.applyFast((doc) => doc.getText('notes').insert(0, 'for members'))
    await simulation.run(20_000)
    expect(stranger.legion.status().isReady).toBe(false)
    expect([...stranger.legion.peers.keys()]).toEqual([])
    expect(stranger.legion.doc().y.getText('notes').toString()).toBe('')
    expect(members.map(({ legion }) => legion.peers.size)).toEqual([1, 1])
    expect(errors.map(({ code }) => code)).toContain('E_UNAUTHORIZED')
    expect(errors[0]?.message).toMatch(/^The peer \S+ refused us: it is not authorized\. Give a credential/)
  })

  it('[MSH64] a credential that is too long is refused at once, or shown as none and told to the logger', async () => {
    const simulation = createSimulation({ seed: 4 })
    expect(() => simulation.open({ credential: 'é'.repeat(5_000) })).toThrow('at most 8192 bytes')
    const seen: unknown[] = []
    const broken = () => {
      throw new Error('no token')
    }
    simulation.open({ authorize: ({ credential }) => seen.push(credential) > 0 })
    simulation.open({ credential: () => 'x'.repeat(8193) })
    simulation.open({ credential: broken })
    simulation.open({ credential: () => 'x'.repeat(8192) })
    await simulation.settle(() => seen.length === 3)
    expect(seen.filter((credential) => credential === undefined)).toHaveLength(2)
    expect(seen).toContain('x'.repeat(8192))
  })
})
