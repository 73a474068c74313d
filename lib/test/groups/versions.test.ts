import { describe, expect, it } from 'vitest'
import { hashValue } from '../../src/codec/hash.js'
import { defineMachine } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer } from '../../src/testing/simulation.js'

interface Counter {
  count: number
  label?: string
}

const v1 = defineMachine({
  name: 'counter',
  version: 1,
  initial: (): Counter => ({ count: 0 }),
  commands: {
    add(state, by: number) {
      state.count += by
      return state.count
    },
  },
  queries: { count: (state) => state.count },
})

const v2 = defineMachine({
  name: 'counter',
  version: 2,
  initial: (): Counter => ({ count: 0 }),
  since: { rename: 2 },
  migrate: {
    2: (state: Counter) => {
      state.label = 'migrated'
    },
  },
  commands: {
    add(state, by: number) {
      state.count += by
      return state.count
    },
    rename(state, label: string) {
      state.label = label
    },
  },
  queries: { count: (state) => state.count },
})

type Peer = SimulatedPeer<typeof v1>
type Newer = SimulatedPeer<typeof v2>
const add = (peer: Peer | Newer, by: number) => (peer as Peer).legion.applyConsistent('add', by)

describe('a machine of several versions', () => {
  it('[GRP70] runs as the older one until most carry the newer one, then migrates', async () => {
    const simulation = createSimulation({ seed: 1 })
    const [a, b, c] = (await simulation.peers<typeof v1>(3, { machine: v1 })) as [Peer, Peer, Peer]
    await simulation.run(3000)
    await simulation.until(add(a, 1))
    const outdated: string[] = []
    c.legion.on('outdated', (error) => outdated.push(error.code))
    a.closePage()
    const newer1 = simulation.open<typeof v2>({ machine: v2 })
    await simulation.settle(() => newer1.legion.status().isReady)
    const early = newer1.legion.applyConsistent('rename', 'x')
    await expect(simulation.until(early)).rejects.toMatchObject({ code: 'E_UNKNOWN_COMMAND', outcome: 'not-applied' })
    expect(newer1.legion.status().main?.machine).toEqual({
      name: 'counter',
      version: 1,
      ownVersion: 2,
      isOutdated: false,
    })
    await simulation.until(add(newer1, 10))

    b.closePage()
    const newer2 = simulation.open<typeof v2>({ machine: v2 })
    await simulation.settle(() => newer2.legion.status().main?.machine.version === 2, 20_000)
    await simulation.until(newer2.legion.applyConsistent('rename', 'y'))
    await simulation.until(add(newer1, 100))
    expect(newer1.legion.state).toEqual({ count: 111, label: 'y' })
    await simulation.settle(() => hashValue(newer2.legion.state) === hashValue(newer1.legion.state))

    expect(outdated).toEqual(['E_OUTDATED'])
    expect(c.legion.state).toEqual({ count: 11 })
    await expect(add(c, 1)).rejects.toMatchObject({ code: 'E_OUTDATED', outcome: 'not-applied' })
    await expect(c.legion.read('count')).rejects.toMatchObject({ code: 'E_OUTDATED' })
    c.legion.applyFast((doc) => doc.getText('t').insert(0, 'hi'))
    await simulation.settle(() => newer2.legion.doc().y.getText('t').toString() === 'hi')
    await simulation.settle(() => [newer1.id, newer2.id].includes(newer1.legion.leader as typeof newer1.id), 2000)

    c.closePage()
    const newer3 = simulation.open<typeof v2>({ machine: v2 })
    await simulation.settle(() => newer3.legion.status().isReady)
    expect(newer3.legion.state).toEqual({ count: 111, label: 'y' })
  })

  it('[GRP71] lets a durable peer with older code catch up once it has the newer one', async () => {
    const simulation = createSimulation({ seed: 2 })
    const peers = await simulation.peers<typeof v1>(3, { machine: v1, storage: 'simulated' })
    await simulation.run(3000)
    const [a, b, c] = peers as [Peer, Peer, Peer]
    await simulation.until(add(a, 1))
    const again: Newer[] = []
    for (const peer of [a, b]) {
      peer.crash()
      const newer = (peer as unknown as Newer).restart({ machine: v2, storage: 'simulated' })
      await simulation.settle(() => newer.legion.status().isReady)
      await simulation.run(3000)
      again.push(newer)
    }
    await simulation.settle(() => c.legion.status().main?.machine.isOutdated === true, 30_000)
    await simulation.until(add(again[0] as Newer, 10))
    c.crash()
    const last = (c as unknown as Newer).restart({ machine: v2, storage: 'simulated' })
    await simulation.settle(() => last.legion.status().isReady)
    expect(await simulation.until((last as unknown as Peer).legion.read('count'))).toBe(11)
    expect(last.legion.state).toEqual({ count: 11, label: 'migrated' })
  })
})
