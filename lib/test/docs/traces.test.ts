import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { pick, randomInt, seededRandom, shuffled } from '../../src/base/random.js'
import { createSimulation, type SimulatedPeer, type Simulation } from '../../src/testing/simulation.js'
import { applyPatches, readTrace, Typist } from './editing-traces.js'
import { editAnything } from './random-edits.js'

/** What equal documents have in common. */
function stateOf(y: Y.Doc): unknown {
  return {
    text: y.getText('t').toDelta(),
    array: y.getArray('a').toJSON(),
    map: y.getMap('m').toJSON(),
    xml: y.getXmlFragment('x').toString(),
    stateVector: [...Y.decodeStateVector(Y.encodeStateVector(y))].sort(),
    deletions: Y.createDeleteSetFromStructStore(y.store),
    pending: [y.store.pendingStructs, y.store.pendingDs],
  }
}

/** Breaks links for a while: either side notices after some seconds, or never. */
async function disturb({ network, random, run }: World, peers: readonly SimulatedPeer[]): Promise<void> {
  const mixed = shuffled(random, peers)
  const side = mixed.slice(0, 1 + randomInt(random, peers.length - 1))
  const ids = (some: readonly SimulatedPeer[]) => some.map(({ id }) => id)
  network.partition(ids(side), ids(peers.filter((peer) => !side.includes(peer))))
  await run(random() * 9_000)
  network.heal()
}

interface World {
  readonly network: Simulation['network']
  readonly random: () => number
  run(durationMs: number): Promise<void>
}

function worldOf(simulation: Simulation, seed: number): World {
  const random = seededRandom(seed, 99)
  return { network: simulation.network, random, run: (durationMs) => simulation.run(durationMs) }
}

const conditions = { latencyMs: [1, 150] } as const

const concurrent = readTrace('friendsforever.concurrent')
const sequential = readTrace('automerge-paper.sequential')

describe('editing traces of real people', () => {
  it.skipIf(concurrent === undefined)(
    '[DOC45] two who type at once, over links that are slow and break, end with what they ended with',
    async () => {
      const trace = concurrent as NonNullable<typeof concurrent>
      const simulation = createSimulation({ seed: 7, conditions })
      const peers = await simulation.peers(2)
      const world = worldOf(simulation, 7)
      const documents = peers.map(({ legion }) => legion.doc('trace').y)
      const made: never[] = []
      const typists = documents.map((y, agent) => new Typist(agent, trace, made, y))
      let lostLinks = 0
      peers[0]?.legion.on('peerLeft', () => lostLinks++)
      for (let turn = 1; typists.some(({ isDone }) => !isDone); turn++) {
        for (const typist of typists) for (let n = randomInt(world.random, 60); n > 0 && typist.type(); n--);
        await world.run(world.random() * 100)
        if (turn % 50 === 0) await disturb(world, peers)
      }
      await simulation.run(20_000)
      expect(lostLinks).toBeGreaterThan(0)
      expect(documents.map((y) => y.getText('t').toString() === trace.endContent)).toEqual([true, true])
      expect(documents.map((y) => y.store.pendingStructs)).toEqual([null, null])
    },
    240_000,
  )

  it.skipIf(sequential === undefined)(
    '[DOC45] a whole paper, keystroke by keystroke through three peers, is the same on all of them',
    async () => {
      const trace = sequential as NonNullable<typeof sequential>
      const simulation = createSimulation({ seed: 8, conditions })
      const peers = await simulation.peers(3)
      const documents = peers.map(({ legion }) => legion.doc('trace'))
      await simulation.run(1_000)
      for (let at = 0; at < trace.txns.length; ) {
        const end = Math.min(trace.txns.length, at + 1_000)
        for (; at < end; at++) {
          documents[0]?.applyFast((y) => applyPatches(y.getText('t'), trace.txns[at] as (typeof trace.txns)[0]))
        }
        await simulation.run(20)
      }
      await simulation.run(1_000)
      expect(documents.map(({ y }) => y.getText('t').toString() === trace.endContent)).toEqual([true, true, true])
    },
    240_000,
  )
})

describe('random edits of everything that Yjs has', () => {
  const SEEDS = Array.from({ length: 12 }, (_, i) => i + 1)

  it.each(SEEDS)(
    '[DOC46] five peers whose links break converge, and so does what is rebuilt from updates (seed %i)',
    async (seed) => {
      const simulation = createSimulation({ seed, conditions })
      const peers = await simulation.peers(5)
      const world = worldOf(simulation, seed)
      const documents = peers.map(({ legion }) => legion.doc('all'))
      const rebuilt = documents.map((document) => {
        const copy = new Y.Doc()
        document.on('update', (update) => Y.applyUpdate(copy, update))
        return copy
      })
      for (let turn = 1; turn <= 200; turn++) {
        editAnything(pick(world.random, documents).y, world.random)
        if (world.random() < 0.5) await world.run(world.random() * 200)
        if (turn % 70 === 0) await disturb(world, peers)
      }
      await simulation.settle(() => documents.every(({ status }) => status === 'synced'), 120_000)
      await simulation.run(20_000)
      const expected = stateOf((documents[0] as (typeof documents)[0]).y)
      for (const { y } of documents) expect(stateOf(y)).toEqual(expected)
      for (const copy of rebuilt) expect(stateOf(copy)).toEqual(expected)
      expect(expected).toMatchObject({ pending: [null, null] })
    },
    60_000,
  )
})
