import { afterEach, describe, expect, it } from 'vitest'
import type { Backplane, Stay, View } from '../src/backplane.js'
import type { Limits } from '../src/limits.js'
import type { Bye, ErrorCode, ServerMessage } from '../src/protocol.js'
import { idOf, roomOf, tokenOf } from './fake-client.js'

/** How long the contract's backplanes remember a memory-only cluster, and keep a PeerId. */
export const GRACE_MS = 300
export const RESERVATION_MS = 2000

export type ContractLimits = Pick<Limits, 'membersPerRoom' | 'rooms' | 'reservationMs' | 'reservations'>

export interface ContractSubject {
  /** The instances of one server, started and warm. */
  readonly instances: readonly Backplane[]
  /** Lets so much time pass. */
  pass(ms: number): Promise<void>
  close(): Promise<void>
}

export interface StayParts {
  readonly room?: string
  readonly token?: string
  readonly durable?: boolean
  readonly clusterId?: string
}

/** A stay that keeps what it is told. */
export class TestStay implements Stay {
  readonly room: string
  readonly peer: string
  readonly token: string
  readonly durable: boolean
  readonly clusterId: string | undefined
  readonly backplane: Backplane
  readonly log: string[] = []
  readonly others = new Set<string>()
  view: View | undefined

  constructor(backplane: Backplane, peer: string, parts: StayParts = {}) {
    this.backplane = backplane
    this.room = roomOf(parts.room ?? 'room')
    this.peer = idOf(peer)
    this.token = parts.token ?? tokenOf(peer)
    this.durable = parts.durable ?? false
    this.clusterId = parts.clusterId && idOf(parts.clusterId)
  }

  entered(view: View): void {
    this.view = view
    for (const peer of view.peers) this.others.add(peer)
    this.log.push('entered')
  }

  refused(code: ErrorCode): void {
    this.log.push(code)
  }

  replaced(): void {
    this.log.push('replaced')
  }

  founded(clusterId: string): void {
    this.log.push(`founded ${nameOf(clusterId)}`)
  }

  tell(message: ServerMessage): void {
    if (message.type === 'peer-joined') this.#met(message.peer)
    else if (message.type === 'peer-left') this.#missed(message.peer)
    else if (message.type === 'signal') this.log.push(`${nameOf(message.from)} says ${message.payload}`)
  }

  found(cluster: string): void {
    this.backplane.found(this, idOf(cluster))
  }

  signal(to: string, payload: string): void {
    this.backplane.signal(this, idOf(to), payload)
  }

  leave(isEnd = false, rest?: Bye['rest']): void {
    this.backplane.leave(this, isEnd ? { type: 'bye', rest } : undefined)
  }

  /** What it was told, as soon as it is as much. */
  async heard(...log: string[]): Promise<void> {
    await expect.poll(() => this.log, { timeout: 20_000 }).toEqual(log)
  }

  /** Resolves when just these others are there. */
  async sees(...peers: string[]): Promise<void> {
    await expect.poll(() => [...this.others].map(nameOf).sort(), { timeout: 20_000 }).toEqual(peers)
  }

  #met(peer: string): void {
    this.others.add(peer)
    this.log.push(`${nameOf(peer)} joined`)
  }

  #missed(peer: string): void {
    this.others.delete(peer)
    this.log.push(`${nameOf(peer)} left`)
  }
}

export function nameOf(id: string): string {
  return String(Buffer.from(id, 'base64url')).replaceAll('.', '')
}

/**
 * What every backplane keeps, however many instances there are: peers enter by one instance after the other in turn.
 *
 * @param open a server's instances, `warmupMs` 0, `GRACE_MS`, `RESERVATION_MS`
 */
export function backplaneContract(name: string, open: (limits: ContractLimits) => Promise<ContractSubject>): void {
  let subject: ContractSubject
  let turn = 0

  async function start(limits: Partial<ContractLimits> = {}): Promise<void> {
    subject = await open({ membersPerRoom: 10, rooms: 10, reservationMs: RESERVATION_MS, reservations: 10, ...limits })
  }

  function enter(peer: string, parts?: StayParts): TestStay {
    const backplane = subject.instances[turn++ % subject.instances.length] as Backplane
    const stay = new TestStay(backplane, peer, parts)
    backplane.enter(stay)
    return stay
  }

  /** Settled one way or the other. */
  async function enterNow(peer: string, parts?: StayParts): Promise<TestStay> {
    const stay = enter(peer, parts)
    await expect.poll(() => stay.log.length, { timeout: 20_000 }).toBeGreaterThan(0)
    return stay
  }

  async function clusterOf(room = 'room'): Promise<string | undefined> {
    const visitor = await enterNow(`visitor${turn}`, { room })
    visitor.leave(true)
    return visitor.view?.clusterId && nameOf(visitor.view.clusterId)
  }

  describe(name, { timeout: 90_000 }, () => {
    afterEach(() => subject.close())

    it('[SIG25] tells who is there, who comes and who leaves', async () => {
      await start()
      const a = await enterNow('a')
      const b = await enterNow('b')
      const c = await enterNow('c')
      await enterNow('d', { room: 'other' })
      expect([a, b, c].map(({ view }) => view?.peers.map(nameOf).sort())).toEqual([[], ['a'], ['a', 'b']])
      b.leave()
      b.leave()
      await a.heard('entered', 'b joined', 'c joined', 'b left')
      await c.heard('entered', 'b left')
      expect(b.log).toEqual(['entered', 'c joined'])
    })

    it('[SIG25] carries signals to the one they are for, in order', async () => {
      await start()
      const [a, b, c] = [await enterNow('a'), await enterNow('b'), await enterNow('c')]
      const elsewhere = await enterNow('b', { room: 'other' })
      await a.heard('entered', 'b joined', 'c joined')
      for (const payload of ['1', '2', '3']) a.signal('b', payload)
      a.signal('nobody', 'x')
      await b.heard('entered', 'c joined', 'a says 1', 'a says 2', 'a says 3')
      b.leave()
      b.signal('a', 'too late')
      await a.heard('entered', 'b joined', 'c joined', 'b left')
      expect([c.log, elsewhere.log]).toEqual([['entered', 'b left'], ['entered']])
    })

    it('[SIG25] gives a PeerId only to who shows its token, while it is there and for a while after', async () => {
      await start()
      const other = await enterNow('other')
      const owner = await enterNow('a')
      expect((await enterNow('a', { token: tokenOf('thief') })).log).toEqual(['peer-taken'])
      const again = await enterNow('a')
      await owner.heard('entered', 'replaced')
      owner.leave()
      again.leave()
      await other.heard('entered', 'a joined', 'a joined', 'a left')
      expect((await enterNow('a', { token: tokenOf('thief') })).log).toEqual(['peer-taken'])
      await subject.pass(RESERVATION_MS + 50)
      expect((await enterNow('a', { token: tokenOf('thief') })).log).toEqual(['entered'])
    })

    it('[SIG25] keeps a limited number of PeerIds of who left', async () => {
      await start({ reservations: 2 })
      const watcher = await enterNow('watcher')
      for (const peer of ['a', 'b', 'c']) {
        const one = await enterNow(peer)
        one.leave()
        await watcher.sees()
        await subject.pass(2)
      }
      expect((await enterNow('b', { token: tokenOf('thief') })).log).toEqual(['peer-taken'])
      expect((await enterNow('a', { token: tokenOf('thief') })).log).toEqual(['entered'])
    })

    it('[SIG25] limits the members of a room, over all instances', async () => {
      await start({ membersPerRoom: 2 })
      const a = await enterNow('a')
      await enterNow('b')
      expect((await enterNow('c')).log).toEqual(['room-full'])
      expect((await enterNow('b')).log).toEqual(['entered'])
      await a.heard('entered', 'b joined', 'b joined')
    })

    it('[SIG25] limits the rooms; remembered empty ones make way, the one empty for longest first', async () => {
      await start({ rooms: 2 })
      for (const room of ['one', 'two']) {
        const stay = await enterNow('a', { room, clusterId: room, durable: true })
        stay.leave()
        await subject.pass(100)
      }
      const three = await enterNow('b', { room: 'three' })
      const two = await enterNow('b', { room: 'two' })
      expect([three.log, nameOf(two.view?.clusterId ?? '')]).toEqual([['entered'], 'two'])
      expect((await enterNow('c', { room: 'four' })).log).toEqual(['too-many-rooms'])
    })

    it('[SIG25] gives a room to the first that asks, and tells everyone the same', async () => {
      await start()
      const [a, b] = [await enterNow('a'), await enterNow('b')]
      a.found('x')
      await a.heard('entered', 'b joined', 'founded x')
      b.found('y')
      a.found('x')
      await b.heard('entered', 'founded x')
      await a.heard('entered', 'b joined', 'founded x', 'founded x')
    })

    it('[SIG25] grants one of many foundings asked for at once', async () => {
      await start()
      const stays = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((peer) => enterNow(peer)))
      for (const stay of stays) stay.found(nameOf(stay.peer))
      const answers = () => stays.flatMap(({ log }) => log.filter((line) => line.startsWith('founded')))
      await expect.poll(() => answers().length, { timeout: 20_000 }).toBe(6)
      expect(new Set(answers()).size).toBe(1)
    })

    it('[SIG25] lets who belongs to a cluster claim a room that has none, and no other', async () => {
      await start()
      const a = await enterNow('a', { clusterId: 'x' })
      const b = await enterNow('b', { clusterId: 'y' })
      expect([a, b].map(({ view }) => nameOf(view?.clusterId ?? ''))).toEqual(['x', 'x'])
    })

    it('[SIG25] forgets a memory-only cluster a grace after its last claimant, whoever else is there', async () => {
      await start()
      const a = await enterNow('a', { clusterId: 'x' })
      const b = await enterNow('b')
      a.leave()
      b.found('y')
      await b.sees()
      await expect.poll(() => b.log, { timeout: 20_000 }).toContain('founded x')
      await subject.pass(2 * GRACE_MS)
      b.found('y')
      await expect.poll(() => b.log, { timeout: 20_000 }).toContain('founded y')
    })

    it('[SIG25] keeps a memory-only cluster if a claimant is back in time', async () => {
      await start()
      const a = await enterNow('a', { clusterId: 'x' })
      a.leave()
      const again = await enterNow('a', { clusterId: 'x' })
      await subject.pass(2 * GRACE_MS)
      expect(await clusterOf()).toBe('x')
      again.leave()
      await subject.pass(2 * GRACE_MS)
      expect(await clusterOf()).toBeUndefined()
    })

    it('[SIG25] forgets a memory-only cluster at once when all of its claimants ended', async () => {
      await start()
      const [a, b] = [await enterNow('a', { clusterId: 'x' }), await enterNow('b', { clusterId: 'x' })]
      a.leave(true)
      await b.heard('entered', 'a left')
      await enterNow('d', { room: 'other' }) // so that the next one comes by the instance by which b goes
      b.leave(true)
      const next = await enterNow('c', { clusterId: 'y' })
      expect(nameOf(next.view?.clusterId ?? '')).toBe('y')
    })

    it('[SIG25] remembers a cluster of which a durable member was', async () => {
      await start()
      const a = await enterNow('a')
      a.leave()
      const durable = await enterNow('b', { durable: true })
      durable.found('x')
      await durable.heard('entered', 'founded x')
      durable.leave(true)
      await subject.pass(3 * GRACE_MS)
      expect(await clusterOf()).toBe('x')
    })

    it('[SIG34] forgets it when nobody has it on disk any more, and not before', async () => {
      await start()
      const a = await enterNow('a', { durable: true, clusterId: 'x' })
      const b = await enterNow('b', { durable: true, clusterId: 'x' })
      a.leave(true)
      b.leave(true, 'memory')
      expect(await clusterOf()).toBe('x')
      const again = await enterNow('a', { durable: true, clusterId: 'x' })
      again.leave(true, 'disks')
      expect(await clusterOf()).toBe('x')
      const [last, slow] = [
        await enterNow('c', { durable: true, clusterId: 'x' }),
        await enterNow('e', { durable: true, clusterId: 'x' }),
      ]
      last.leave(true, 'nothing')
      await slow.heard('entered', 'c left')
      slow.leave(true, 'disks')
      const next = await enterNow('d', { clusterId: 'y' })
      expect(nameOf(next.view?.clusterId ?? '')).toBe('y')
    })
  })
}
