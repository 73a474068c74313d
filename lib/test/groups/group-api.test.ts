import { describe, expect, it } from 'vitest'
import type { Group } from '../../src/groups/group.js'
import { defineMachine, type kv } from '../../src/machines/index.js'
import type {
  CommandCall,
  CommandResult,
  ForkableMachine,
  QueryCall,
  StateMachine,
} from '../../src/machines/machine.js'
import { createSimulation, type SimulatedPeer, type Simulation } from '../../src/testing/simulation.js'

type Peer = SimulatedPeer<typeof kv>

async function start(count: number, seed: number, storage: 'memory' | 'simulated' = 'memory') {
  const simulation = createSimulation({ seed })
  const peers = await simulation.peers<typeof kv>(count, { storage, limits: { proposalBytes: 4000 } })
  await simulation.run(3000)
  return { simulation, peers }
}

const increment = (peer: Peer, key = 'n') => peer.legion.applyConsistent('increment', { key })
const mains = (peers: readonly Peer[]): Group<typeof kv>[] => peers.map(({ legion }) => legion.main)

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const all: number[] = []
  for await (const piece of pieces) all.push(...piece)
  return all.join(',')
}

describe('what a group shows', () => {
  it('[GRP85] its log: commands, registrations, configurations, with index and term, the same on every peer', async () => {
    const { simulation, peers } = await start(3, 1)
    await simulation.until(increment(peers[0] as Peer))
    await simulation.run(1000)
    const founder = peers.find(({ id, legion }) => legion.leader === id) as Peer
    const { firstIndex, lastIndex = 0 } = founder.legion.main.status() ?? {}
    const log = founder.legion.main.log(2, lastIndex)
    expect(firstIndex).toBe(2)
    expect(log.map(({ index }) => index)).toEqual(Array.from({ length: lastIndex - 1 }, (_, i) => i + 2))
    const kinds = new Set(log.map(({ what }) => what.kind))
    expect(kinds).toEqual(new Set(['empty', 'configuration', 'register', 'command']))
    expect(log.at(-1)?.what).toMatchObject({ kind: 'command', name: 'increment', payload: { key: 'n' }, sequence: 1 })
    for (const main of mains(peers)) {
      const first = main.status()?.firstIndex ?? 0
      expect(main.log(2, lastIndex)).toEqual(log.filter(({ index }) => index >= first))
    }
    expect(founder.legion.main.log(lastIndex + 1, lastIndex + 10)).toEqual([])
  })

  it('[GRP86] a snapshot is a checkpoint at one index on all peers, and exports are equal bytes there', async () => {
    const { simulation, peers } = await start(3, 2)
    await simulation.until(increment(peers[0] as Peer))
    const digest = await simulation.until((peers[1] as Peer).legion.main.snapshot())
    await simulation.run(1000)
    for (const main of mains(peers)) expect(main.status()?.checkpoint).toEqual(digest)
    expect(digest).toMatchObject({ index: expect.any(Number), hash: expect.stringMatching(/^[0-9a-f]{16}$/) })
    const exports = await simulation.until(Promise.all(mains(peers).map((main) => collect(main.exportSnapshot()))))
    expect(new Set(exports).size).toBe(1)
    expect(exports[0]?.split(',')).toHaveLength(digest.bytes)
  })

  it('[GRP86] an export is of the moment of the call, whatever comes while it is read', async () => {
    const { simulation, peers } = await start(1, 3)
    const [peer] = peers as [Peer]
    await simulation.until(increment(peer))
    const before = collect(peer.legion.main.exportSnapshot())
    const pieces = peer.legion.main.exportSnapshot()
    await simulation.until(increment(peer))
    expect(await collect(pieces)).toBe(await before)
  })

  it('[GRP87] compact cuts the log, and commands go on', async () => {
    const { simulation, peers } = await start(3, 4)
    const [peer] = peers as [Peer]
    for (let i = 0; i < 20; i++) await simulation.until(increment(peer))
    await simulation.until(peer.legion.main.compact())
    const { firstIndex = 0, lastIndex = 0 } = peer.legion.main.status() ?? {}
    expect(firstIndex).toBeGreaterThan(20)
    expect(firstIndex).toBeLessThanOrEqual(lastIndex + 1)
    expect(peer.legion.main.log(2, lastIndex)).toHaveLength(lastIndex - firstIndex + 1)
    expect(await simulation.until(increment(peer))).toBe(21)
  })

  it('[GRP87] without a quorum a snapshot fails with E_TIMEOUT', async () => {
    const { simulation, peers } = await start(3, 5)
    simulation.partition([peers[0] as Peer], peers.slice(1))
    const snapshot = (peers[0] as Peer).legion.main.snapshot({ timeoutMs: 3000 })
    await expect(simulation.until(snapshot)).rejects.toMatchObject({ code: 'E_TIMEOUT' })
  })

  it('[GRP88] its status, as plain data', async () => {
    const { simulation, peers } = await start(3, 6)
    const [peer] = peers as [Peer]
    const { main } = peer.legion
    const leader = peers.find(({ id, legion }) => legion.leader === id) as Peer
    const pending = increment(peer)
    const read = peer.legion.read('get', 'n')
    expect(main.status()).toMatchObject({ inFlight: 1, waitingReads: 1, checkpoint: undefined })
    await simulation.until(Promise.all([pending, read]))
    expect(main.status()).toMatchObject({
      inFlight: 0,
      waitingReads: 0,
      ignoredEntries: 0,
      machine: { name: 'kv', version: 1, ownVersion: 1, isOutdated: false },
    })
    expect(main.status()?.logBytes).toBeGreaterThan(0)
    expect(leader.legion.main.status()).toMatchObject({ role: 'leader', configuration: { voters: expect.any(Array) } })
    expect(leader.legion.main.status()?.progress.size).toBe(3)
  })
})

describe('what a command can be told', () => {
  it('[GRP89] onCommitted: once, with the index at which the log has it, before it settles', async () => {
    const { simulation, peers } = await start(3, 7)
    for (const { legion } of peers) {
      const told: (number | string)[] = []
      const onCommitted = (index: number) => told.push(index)
      const settled = legion
        .applyConsistent('increment', { key: 'n' }, { onCommitted })
        .then(() => told.push('settled'))
      await simulation.until(settled)
      expect(told).toEqual([expect.any(Number), 'settled'])
      const [entry] = legion.main.log(told[0] as number, told[0] as number)
      expect(entry?.what).toMatchObject({ kind: 'command', name: 'increment' })
    }
  })

  it('[GRP89] once: false puts it outside of the session', async () => {
    const { simulation, peers } = await start(3, 8)
    const [peer] = peers as [Peer]
    expect(await simulation.until(peer.legion.applyConsistent('increment', { key: 'n' }, { once: false }))).toBe(1)
    const { lastIndex = 0 } = peer.legion.main.status() ?? {}
    expect(peer.legion.main.log(lastIndex, lastIndex)[0]?.what).toMatchObject({ kind: 'one-shot', name: 'increment' })
  })

  it('[GRP90] a timeout and an abort say whether it may still be applied', async () => {
    const { simulation, peers } = await start(3, 9)
    const [peer] = peers as [Peer]
    simulation.partition([peer], peers.slice(1))
    const timedOut = peer.legion.applyConsistent('increment', { key: 'n' }, { timeoutMs: 200 })
    await expect(simulation.until(timedOut)).rejects.toMatchObject({
      code: expect.stringMatching(/E_TIMEOUT|E_NO_QUORUM/),
    })
    const controller = new AbortController()
    const aborted = peer.legion.applyConsistent('increment', { key: 'n' }, { signal: controller.signal })
    const abortedRead = peer.legion.read('get', 'n', { signal: controller.signal })
    controller.abort()
    expect(await simulation.until(Promise.allSettled([aborted, abortedRead]))).toMatchObject([
      { status: 'rejected', reason: { code: 'E_ABORTED', outcome: 'not-applied' } },
      { status: 'rejected', reason: { code: 'E_ABORTED' } },
    ])
  })

  it('[GRP91] too many bytes in flight: E_BUSY, until there is room again', async () => {
    const { simulation, peers } = await start(3, 10)
    const [peer] = peers as [Peer]
    const set = (key: string) => peer.legion.applyConsistent('set', { key, value: 'x'.repeat(1500) })
    const pending = [set('a'), set('b')]
    await expect(set('c')).rejects.toMatchObject({ code: 'E_BUSY', outcome: 'not-applied' })
    await simulation.until(Promise.all(pending))
    await simulation.until(set('c'))
  })

  it('[GRP92] persist needs storage, and with it outlives its peer', async () => {
    const memory = await start(1, 11)
    const options = { persist: true }
    const refused = (memory.peers[0] as Peer).legion.applyConsistent('increment', { key: 'n' }, options)
    await expect(memory.simulation.until(refused)).rejects.toMatchObject({ code: 'E_UNSUPPORTED' })
    const { simulation, peers } = await start(3, 12, 'simulated')
    const [peer, ...others] = peers as [Peer, Peer, Peer]
    await simulation.until(increment(peer))
    simulation.partition([peer], others)
    peer.legion.applyConsistent('increment', { key: 'n' }, options).catch(() => {})
    await simulation.run(500)
    peer.crash()
    simulation.heal()
    const again = peer.restart()
    await simulation.settle(() => again.legion.status().isReady)
    await simulation.run(10_000)
    expect(await simulation.until(others[0].legion.read('get', 'n'))).toBe(2)
    again.crash()
    const third = again.restart()
    await simulation.settle(() => third.legion.status().isReady)
    await simulation.run(10_000)
    expect(await simulation.until(third.legion.read('get', 'n'))).toBe(2)
  })
})

const toUtf8 = (text: string) => new TextEncoder().encode(text)
const fromUtf8 = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** Written by hand: one text, its snapshot bytes or, if concurrent, pieces of the moment of the call. */
class Notepad implements StateMachine {
  #text = ''
  readonly #isConcurrent: boolean

  constructor(isConcurrent: boolean) {
    this.#isConcurrent = isConcurrent
  }

  get state(): { readonly text: string } {
    return { text: this.#text }
  }

  has(command: string): boolean {
    return command === 'write'
  }

  apply({ payload }: CommandCall): CommandResult {
    this.#text += String(payload)
    return { ok: true, output: this.#text.length }
  }

  query(_query: QueryCall): string {
    return this.#text
  }

  snapshot(): Uint8Array | Iterable<Uint8Array> {
    const text = this.#text
    return this.#isConcurrent ? [...text].map(toUtf8) : toUtf8(text)
  }

  async restore(snapshot: AsyncIterable<Uint8Array>): Promise<void> {
    let text = ''
    for await (const piece of snapshot) text += fromUtf8(piece)
    this.#text = text
  }
}

const notepad = (isConcurrent: boolean) => ({
  name: 'notepad',
  version: 1,
  initial: () => ({ text: '' }),
  commands: { write: (_state: object, text: string) => text.length },
  queries: { text: () => '' },
  create: () => new Notepad(isConcurrent) as unknown as ForkableMachine,
})

const guests = defineMachine({
  name: 'guests',
  version: 1,
  initial: () => ({ book: [] as string[] }),
  commands: {},
  queries: {},
  memberJoined: (state, peer) => {
    state.book.push(`+${peer}`)
  },
  memberLeft: (state, peer) => {
    state.book.push(`-${peer}`)
  },
})

describe('machines written by hand', () => {
  it.each([
    ['bytes at once', false],
    ['pieces', true],
  ])('[GRP93] whose snapshot is %s are replicated, restored and compared', async (_what, isConcurrent) => {
    const simulation: Simulation = createSimulation({ seed: 13 })
    const machine = notepad(isConcurrent)
    const peers = await simulation.peers<typeof machine>(3, { machine, storage: 'simulated' })
    const [peer] = peers as [(typeof peers)[0]]
    for (let i = 0; i < 20; i++) await simulation.until(peer.legion.applyConsistent('write', `${i} `))
    await simulation.until(peer.legion.main.compact())
    await simulation.until(peer.legion.applyConsistent('write', 'end'))
    const newcomer = simulation.open<typeof machine>({ machine })
    await simulation.settle(() => newcomer.legion.status().isReady)
    peer.crash()
    const again = peer.restart()
    await simulation.settle(() => again.legion.status().isReady)
    const texts = await simulation.until(Promise.all([again, newcomer].map(({ legion }) => legion.read('text'))))
    expect(texts).toEqual(Array(2).fill(`${Array.from({ length: 20 }, (_, i) => `${i} `).join('')}end`))
  })

  it('[GRP94] hear of members that come and go, at the same place in the log', async () => {
    const simulation = createSimulation({ seed: 14 })
    const peers = await simulation.peers<typeof guests>(3, { machine: guests })
    await simulation.run(3000)
    const leaving = peers.find(({ id, legion }) => legion.leader !== id) as SimulatedPeer<typeof guests>
    await simulation.until(leaving.legion.leave())
    await simulation.run(3000)
    const books = peers.filter((peer) => peer !== leaving).map(({ legion }) => legion.state.book)
    expect(books[0]).toEqual(books[1])
    expect([...(books[0] ?? [])].sort()).toEqual([`-${leaving.id}`, ...peers.map(({ id }) => `+${id}`)].sort())
    expect(books[0]?.at(-1)).toBe(`-${leaving.id}`)
  })
})
