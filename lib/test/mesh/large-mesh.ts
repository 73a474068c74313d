import { expect } from 'vitest'
import type { PeerId } from '../../src/base/ids.js'
import { pick, type RandomStream, seededRandom, shuffled } from '../../src/base/random.js'
import { Documents } from '../../src/docs/documents.js'
import { Messaging } from '../../src/messaging/messaging.js'
import { type MeshPeer, SimulatedMeshes } from './simulated-meshes.js'

/** One link's delay, always the same, so that time tells how many links a message passed. */
const HOP_MS = 10

const SHOWN_MAX = 200

/** A peer of a large mesh, with what the modules above make of it. */
interface Resident extends MeshPeer {
  readonly messaging: Messaging
  readonly documents: Documents
  /** When each broadcast came, by its payload. */
  readonly heard: Map<unknown, number[]>
}

/** Many peers, each with messages and a document, and what must hold of them. */
export class LargeMesh {
  readonly world: SimulatedMeshes
  residents: Resident[]
  readonly #links: number
  /** Nobody is shown in the document: of a thousand everybody would tell everybody of everybody, again and again. */
  readonly #isAnonymous: boolean
  readonly #random: RandomStream
  #broadcasts = 0

  constructor(seed: number, count: number, links: number) {
    this.world = new SimulatedMeshes(seed, { latencyMs: [HOP_MS, HOP_MS] })
    this.#links = links
    this.#isAnonymous = count > SHOWN_MAX
    this.#random = seededRandom(seed, 64)
    this.residents = Array.from({ length: count }, (_, i) => this.#settle(i))
  }

  /** Runs until every peer reaches every other one, and nobody else. @returns simulated milliseconds, at most the limit */
  untilWhole(limitMs: number): Promise<number> {
    return this.world.until(() => this.#isWhole(), limitMs)
  }

  expectWithinLimits(): void {
    for (const { mesh } of this.residents) expect(mesh.links.size).toBeLessThanOrEqual(this.#links)
  }

  /** Steps from the peer to the one farthest away. */
  eccentricity(root: MeshPeer): number {
    const byId = new Map(this.residents.map((resident) => [resident.id, resident]))
    const distances = new Map([[root.id, 0]])
    for (const [peer, distance] of distances) {
      for (const next of byId.get(peer)?.mesh.links.keys() ?? []) {
        if (!distances.has(next)) distances.set(next, distance + 1)
      }
    }
    expect(distances.size).toBe(this.residents.length)
    return Math.max(...distances.values())
  }

  /** Some peers call so many others each, or all others; every call must be answered. */
  async expectCalls(callers: number, perCaller = Number.POSITIVE_INFINITY): Promise<void> {
    const chosen = shuffled(this.#random, this.residents).slice(0, callers)
    const calls = chosen.flatMap((caller) => {
      const others = shuffled(this.#random, this.residents).filter(({ id }) => id !== caller.id)
      return others
        .slice(0, perCaller)
        .map(({ id }) => caller.messaging.call(id, 'whoAreYou').then((answer) => answer === id))
    })
    const answers = Promise.all(calls)
    await this.world.run(3_000)
    expect((await answers).filter((isRight) => !isRight)).toEqual([])
  }

  /** Some peers broadcast; everybody hears each once, within so many hops. @returns messages per peer and broadcast */
  async expectBroadcasts(count: number, hops: number): Promise<number> {
    const before = this.#broadcastMessages()
    const { nowMs } = this.world.clock
    const origins = Array.from({ length: count }, () => pick(this.#random, this.residents))
    const names = origins.map((origin) => {
      const name = `broadcast ${this.#broadcasts++}`
      origin.messaging.broadcast('hear', name)
      return { name, origin }
    })
    await this.world.run(500)
    for (const { name, origin } of names) {
      for (const { id, heard } of this.residents) {
        if (id === origin.id) continue
        const times = heard.get(name) ?? []
        expect(times).toHaveLength(1)
        expect((times[0] ?? Number.NaN) - nowMs).toBeLessThanOrEqual(hops * HOP_MS)
      }
    }
    return (this.#broadcastMessages() - before) / count / this.residents.length
  }

  /** Some peers write into the document; all have all of it within the limit. */
  async expectConvergence(writers: number, limitMs: number): Promise<void> {
    const mark = this.#broadcasts++
    const chosen = shuffled(this.#random, this.residents).slice(0, writers)
    for (const { id, documents } of chosen) documents.open('sheet').y.getMap('marks').set(`${mark} ${id}`, true)
    const hasAll = ({ documents }: Resident) => {
      const marks = documents.open('sheet').y.getMap('marks')
      return chosen.every(({ id }) => marks.has(`${mark} ${id}`))
    }
    expect(await this.world.until(() => this.residents.every(hasAll), limitMs)).toBeLessThan(limitMs)
  }

  /** They end without a word. */
  kill(count: number): void {
    const victims = shuffled(this.#random, this.residents).slice(0, count)
    for (const victim of victims) {
      this.world.crash(victim)
      victim.messaging.close()
      victim.documents.close()
    }
    this.residents = this.residents.filter((resident) => !victims.includes(resident))
  }

  async finish(): Promise<void> {
    for (const { messaging, documents, logged } of this.residents) {
      messaging.close()
      documents.close()
      expect(logged.filter((line) => line.startsWith('error'))).toEqual([])
    }
    await this.world.finish()
  }

  #settle(index: number): Resident {
    const peer = this.world.addPeer({ limits: { links: this.#links } })
    const { mesh } = peer
    const heard = new Map<unknown, number[]>()
    const runtime = this.world.clock.fork(65, index)
    const handlers = {
      whoAreYou: (): PeerId => peer.id,
      hear: (what: unknown) => void heard.set(what, [...(heard.get(what) ?? []), this.world.clock.nowMs]),
    }
    const messaging = new Messaging({ network: mesh, runtime, handlers, context: undefined })
    const documents = new Documents({ network: mesh, runtime })
    const { awareness } = documents.open('sheet')
    if (this.#isAnonymous) awareness.setLocalState(null)
    mesh.start()
    return Object.assign(peer, { messaging, documents, heard })
  }

  #isWhole(): boolean {
    return this.residents.every(({ mesh }) => mesh.peers.size === this.residents.length - 1)
  }

  #broadcastMessages(): number {
    return this.residents.reduce((total, { mesh }) => total + mesh.status().relay.broadcasts, 0)
  }
}
