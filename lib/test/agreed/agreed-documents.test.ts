import { describe, expect, it } from 'vitest'
import type * as Y from 'yjs'
import type { AgreedDocument } from '../../src/agreed/agreed-document.js'
import { agreedDocuments } from '../../src/agreed/machine.js'
import type { LegionError } from '../../src/base/errors.js'
import { pick, randomInt } from '../../src/base/random.js'
import { createSimulation, type SimulatedPeer, type Simulation } from '../../src/testing/simulation.js'

const ACCOUNTS = ['a', 'b', 'c', 'd']
const START = 100

function accountsOf(y: Y.Doc): Record<string, number> {
  return y.getMap<number>('accounts').toJSON()
}

function sumOf(accounts: Record<string, number>): number {
  return Object.values(accounts).reduce((sum, amount) => sum + amount, 0)
}

/** Moves money if there is enough. */
function transfer(y: Y.Doc, from: string, to: string, amount: number): boolean {
  const accounts = y.getMap<number>('accounts')
  const [has = 0, gets = 0] = [accounts.get(from), accounts.get(to)]
  if (from === to || has < amount) return false
  accounts.set(from, has - amount)
  accounts.set(to, gets + amount)
  return true
}

async function openAll(simulation: Simulation, peers: readonly SimulatedPeer[]): Promise<AgreedDocument[]> {
  const documents = peers.map(({ legion }) => legion.doc('accounts', { agreed: true }))
  await simulation.until(
    (documents[0] as AgreedDocument).applyConsistent((y) => {
      for (const account of ACCOUNTS) y.getMap('accounts').set(account, START)
    }),
  )
  return documents
}

function isSettled(documents: readonly AgreedDocument[]): boolean {
  const states = documents.flatMap(({ y, agreed }) => [y, agreed].map((doc) => JSON.stringify(stateOf(doc))))
  return new Set(states).size === 1
}

function stateOf(y: Y.Doc): unknown {
  return [y.getMap('accounts').toJSON(), y.getText('notes').toString()]
}

describe('an agreed document', { timeout: 60_000 }, () => {
  it('[AGR1] changes by a transaction, which all peers have in agreed and y', async () => {
    const simulation = createSimulation({ seed: 1 })
    const peers = await simulation.peers(3)
    const documents = await openAll(simulation, peers)
    const [one, two, three] = documents as [AgreedDocument, AgreedDocument, AgreedDocument]
    const result = await simulation.until(two.applyConsistent((y) => transfer(y, 'a', 'b', 30)))
    expect(result).toBe(true)
    expect(accountsOf(two.agreed)).toEqual({ a: 70, b: 130, c: 100, d: 100 })
    expect(accountsOf(two.y)).toEqual(accountsOf(two.agreed))
    await simulation.settle(() => isSettled([one, two, three]))
    expect(accountsOf(one.y)).toEqual({ a: 70, b: 130, c: 100, d: 100 })
  })

  it('[AGR2] runs transactions of several peers as if one after the other', async () => {
    for (const seed of [1, 2, 3]) {
      const simulation = createSimulation({ seed })
      const documents = await openAll(simulation, await simulation.peers(3))
      const transfers = documents.flatMap((document) =>
        Array.from({ length: 40 }, async () => {
          const [from, to] = [pick(simulation.random, ACCOUNTS), pick(simulation.random, ACCOUNTS)]
          const amount = 1 + randomInt(simulation.random, 60)
          return document.applyConsistent((y) => transfer(y, from, to, amount), { timeoutMs: 60_000 })
        }),
      )
      const results = await simulation.until(Promise.all(transfers), 120_000)
      expect(results).toContain(true)
      await simulation.settle(() => isSettled(documents))
      const accounts = accountsOf((documents[0] as AgreedDocument).agreed)
      expect(sumOf(accounts)).toBe(ACCOUNTS.length * START)
      expect(Math.min(...Object.values(accounts))).toBeGreaterThanOrEqual(0)
    }
  })

  it('[AGR3] gives each peer its turn, however busy the others are', async () => {
    const simulation = createSimulation({ seed: 4 })
    const documents = await openAll(simulation, await simulation.peers(3))
    const done = documents.map(() => 0)
    const endMs = simulation.clock.nowMs + 4_000
    documents.forEach((document, i) => {
      const again = async () => {
        while (simulation.clock.nowMs < endMs) {
          await document.applyConsistent((y) => y.getMap('turns').set('last', done[i]))
          done[i] = (done[i] ?? 0) + 1
        }
      }
      again().catch(() => {})
    })
    await simulation.run(4_000)
    expect(Math.min(...done)).toBeGreaterThan(Math.max(...done) / 4)
  })

  it('[AGR4] has fast changes in y at once, and agreed soon', async () => {
    const simulation = createSimulation({ seed: 5 })
    const documents = await openAll(simulation, await simulation.peers(3))
    const [one, two] = documents as [AgreedDocument, AgreedDocument]
    one.applyFast((y) => y.getText('notes').insert(0, 'fast'))
    expect(one.y.getText('notes').toString()).toBe('fast')
    expect(one.agreed.getText('notes').toString()).toBe('')
    await simulation.settle(() => two.agreed.getText('notes').toString() === 'fast', 1_000)
    await simulation.settle(() => isSettled(documents), 1_000)
  })

  it('[AGR5] agrees on what a peer changed that crashed right after, once somebody has it', async () => {
    const simulation = createSimulation({ seed: 6 })
    const peers = await simulation.peers(3)
    const [one, two, three] = (await openAll(simulation, peers)) as [AgreedDocument, AgreedDocument, AgreedDocument]
    // Until the change to three voters is over it needs the only voter before.
    const areVoters = ({ legion }: (typeof peers)[number]) => {
      const { voters, votersOutgoing } = legion.status().groups?.['legion-documents']?.configuration ?? {}
      return voters?.length === 3 && votersOutgoing?.length === 0
    }
    await simulation.settle(() => peers.every(areVoters))
    three.applyFast((y) => y.getText('notes').insert(0, 'last words'))
    await simulation.settle(() => two.y.getText('notes').toString() !== '', 90)
    peers[2]?.crash()
    await simulation.settle(
      () => isSettled([one, two]) && two.agreed.getText('notes').toString() === 'last words',
      30_000,
    )
  })

  it('[AGR6] rejects a transaction that throws, with what it threw, and runs the others', async () => {
    const simulation = createSimulation({ seed: 7 })
    const [document] = (await openAll(simulation, await simulation.peers(2))) as [AgreedDocument]
    const results = [
      document.applyConsistent((y) => transfer(y, 'a', 'b', 10)),
      document.applyConsistent((y) => {
        transfer(y, 'a', 'c', 10)
        throw new RangeError('no')
      }),
      document.applyConsistent((y) => transfer(y, 'a', 'd', 10)),
    ]
    const settled = await simulation.until(Promise.allSettled(results))
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(settled[1]).toMatchObject({ reason: expect.any(RangeError) })
    expect(accountsOf(document.agreed)).toEqual({ a: 80, b: 110, c: 100, d: 110 })
  })

  it('[AGR7] answers a transaction that only reads with what is agreed now', async () => {
    const simulation = createSimulation({ seed: 8 })
    const [one, two] = (await openAll(simulation, await simulation.peers(3))) as [AgreedDocument, AgreedDocument]
    for (let amount = 1; amount <= 5; amount++) {
      await simulation.until(one.applyConsistent((y) => transfer(y, 'a', 'b', amount)))
      const seen = await simulation.until(two.applyConsistent((y) => y.getMap<number>('accounts').get('a')))
      expect(seen).toBe(accountsOf(one.agreed)['a'])
    }
  })

  it('[AGR8] fails without a quorum, not applied; y goes on and is agreed later', async () => {
    const simulation = createSimulation({ seed: 9 })
    const peers = await simulation.peers(3)
    const [one, two, three] = (await openAll(simulation, peers)) as [AgreedDocument, AgreedDocument, AgreedDocument]
    await simulation.run(10_000) // all of them vote
    simulation.partition(peers.slice(0, 1), peers.slice(1))
    await simulation.run(15_000)
    await expect(
      simulation.until(one.applyConsistent((y) => transfer(y, 'a', 'b', 1), { timeoutMs: 2_000 })),
    ).rejects.toMatchObject({ code: expect.stringMatching(/E_TIMEOUT|E_NO_QUORUM/) })
    one.applyFast((y) => y.getText('notes').insert(0, 'alone'))
    await simulation.until(two.applyConsistent((y) => transfer(y, 'a', 'b', 5)))
    simulation.heal()
    await simulation.settle(() => isSettled([one, two, three]) && one.agreed.getText('notes').toString() === 'alone')
    expect(sumOf(accountsOf(one.agreed))).toBe(400)
  })

  it('[AGR9] is there for who comes late and after a restart, with few chapters however many changes', async () => {
    const simulation = createSimulation({ seed: 10 })
    const peers = await simulation.peers(3, { storage: 'simulated' })
    const documents = await openAll(simulation, peers)
    for (let i = 0; i < 120; i++) {
      await simulation.until((documents[i % 3] as AgreedDocument).applyConsistent((y) => transfer(y, 'a', 'b', i % 2)))
    }
    await simulation.run(60_000)
    const late = simulation.open()
    peers[1]?.crash()
    const again = peers[1]?.restart() as SimulatedPeer
    const all = [
      ...documents.filter((_, i) => i !== 1),
      ...[late, again].map(({ legion }) => legion.doc('accounts', { agreed: true })),
    ]
    await simulation.settle(() => isSettled(all) && sumOf(accountsOf((all[3] as AgreedDocument).agreed)) === 400)
    const group = await simulation.until(late.legion.group('legion-documents', agreedDocuments))
    expect(group.state.documents['accounts']?.chapters.length).toBeLessThan(40)
  })

  it('[AGR10] is the same object for the same name, and closes with its document', async () => {
    const simulation = createSimulation({ seed: 11 })
    const [peer] = await simulation.peers(1)
    const legion = (peer as SimulatedPeer).legion
    const document = legion.doc('x', { agreed: true })
    expect(legion.doc('x', { agreed: true })).toBe(document)
    expect(legion.doc('x').y).toBe(document.y)
    const waiting = document.applyConsistent((y) => y.getMap('m').set('k', 1))
    document.close()
    await expect(simulation.until(waiting)).rejects.toMatchObject({ code: 'E_CLOSED' })
    await expect(document.applyConsistent(() => 1)).rejects.toMatchObject({ code: 'E_CLOSED', outcome: 'not-applied' })
    expect(legion.doc('x', { agreed: true })).not.toBe(document)
  })

  it('[AGR11] applies what was acknowledged once, what was not applied never, whatever fails meanwhile', async () => {
    const outcomes = new Set<string>()
    for (const seed of [21, 22, 23, 24]) {
      const simulation = createSimulation({ seed })
      const peers = await simulation.peers(3, { storage: 'simulated' })
      const documents = await openAll(simulation, peers)
      await simulation.run(10_000)
      const told = new Map<string, 'done' | 'not-applied' | 'unknown'>()
      for (let round = 0; round < 40; round++) {
        documents.forEach((document, i) => {
          const id = `${i}.${round}`
          const [from, to] = [pick(simulation.random, ACCOUNTS), pick(simulation.random, ACCOUNTS)]
          const move = (y: Y.Doc) => {
            y.getMap('ids').set(id, ((y.getMap<number>('ids').get(id) ?? 0) as number) + 1)
            transfer(y, from, to, 20)
          }
          document.applyConsistent(move, { timeoutMs: 1_500 }).then(
            () => told.set(id, 'done'),
            (error: LegionError) => told.set(id, error.outcome ?? 'unknown'),
          )
        })
        const alone = pick(simulation.random, peers)
        if (round % 8 === 3)
          simulation.partition(
            [alone],
            peers.filter((peer) => peer !== alone),
          )
        if (round % 8 === 6) simulation.heal()
        const [a, b] = [pick(simulation.random, peers), pick(simulation.random, peers)]
        if (round % 8 === 7 && a !== b) simulation.network.cut(a.id, b.id)
        await simulation.run(randomInt(simulation.random, 800))
      }
      simulation.heal()
      await simulation.settle(() => told.size === 120 && isSettled(documents))
      const { agreed } = documents[0] as AgreedDocument
      const ids = agreed.getMap<number>('ids')
      for (const [id, outcome] of told) {
        if (outcome === 'done') expect(ids.get(id), id).toBe(1)
        else if (outcome === 'not-applied') expect(ids.has(id), id).toBe(false)
        else expect(ids.get(id) ?? 1, id).toBe(1)
      }
      for (const outcome of told.values()) outcomes.add(outcome)
      expect(sumOf(accountsOf(agreed))).toBe(400)
      expect(Math.min(...Object.values(accountsOf(agreed)))).toBeGreaterThanOrEqual(0)
    }
    expect(outcomes).toContain('done')
    expect(outcomes).toContain('unknown')
  })
})
