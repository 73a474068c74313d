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

  /** The most links that a peer has. */
  mostLinks(): number {
    return Math.max(...this.residents.map(({ mesh }) => mesh.links.size))
  }

  /** Steps between the two peers that are farthest apart; Infinity if no way leads from one to another. */
  diameter(): number {
    const indexes = new Map(this.residents.map(({ id }, i) => [id, i]))
    const links = this.residents.map(({ mesh }) => [...mesh.links.keys()].map((peer) => indexes.get(peer) ?? -1))
    return Math.max(...links.map((_, root) => eccentricity(links, root)))
  }

  /**
   * Every peer calls `perPeer` others, or all others, and is called as often: each the same numbers of places ahead of it,
   * which are drawn, in a random order of all.
   */
  async call(perPeer: number): Promise<{ called: number; pairs: number; unanswered: number }> {
    const ring = shuffled(this.#random, this.residents)
    const { length } = ring
    const places = Array.from({ length: length - 1 }, (_, i) => i + 1)
    const ahead = shuffled(this.#random, places).slice(0, perPeer)
    const calls = ring.flatMap(({ messaging }, i) => ahead.map((by) => isAnswered(messaging, ring[(i + by) % length])))
    const answers = Promise.all(calls)
    await this.world.run(3_000)
    const unanswered = (await answers).filter((isRight) => !isRight).length
    return { called: calls.length, pairs: length * (length - 1), unanswered }
  }

  /** Some peers broadcast; everybody must hear each once. @returns how many links the longest way had */
  async broadcast(count: number): Promise<{ hops: number; missed: number; messagesPerPeer: number }> {
    const before = this.#broadcastMessages()
    const { nowMs } = this.world.clock
    const origins = Array.from({ length: count }, () => pick(this.#random, this.residents))
    const names = origins.map((origin) => {
      const name = `broadcast ${this.#broadcasts++}`
      origin.messaging.broadcast('hear', name)
      return { name, origin }
    })
    await this.world.run(500)
    const times = names.flatMap(({ name, origin }) =>
      this.residents.filter((resident) => resident !== origin).map(({ heard }) => heard.get(name) ?? []),
    )
    return {
      hops: (Math.max(...times.flat()) - nowMs) / HOP_MS,
      missed: times.filter(({ length }) => length !== 1).length,
      messagesPerPeer: (this.#broadcastMessages() - before) / count / this.residents.length,
    }
  }

  /** Some peers write into the document. @returns simulated milliseconds until all have all of it, at most the limit */
  converge(writers: number, limitMs: number): Promise<number> {
    const mark = this.#broadcasts++
    const chosen = shuffled(this.#random, this.residents).slice(0, writers)
    for (const { id, documents } of chosen) documents.open('sheet').y.getMap('marks').set(`${mark} ${id}`, true)
    const hasAll = ({ documents }: Resident) => {
      const marks = documents.open('sheet').y.getMap('marks')
      return chosen.every(({ id }) => marks.has(`${mark} ${id}`))
    }
    return this.world.until(() => this.residents.every(hasAll), limitMs)
  }

  /** They end without a word. */
  kill(count: number): void {
    const victims = shuffled(this.#random, this.residents).slice(0, count)
    for (const victim of victims) {
      this.world.crash(victim)
      victim.messaging.close()
      victim.documents.close()
    }
    const dead = new Set(victims)
    this.residents = this.residents.filter((resident) => !dead.has(resident))
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

/** @param links of each peer, by index */
function eccentricity(links: readonly (readonly number[])[], root: number): number {
  const distances = new Array<number>(links.length).fill(Number.POSITIVE_INFINITY)
  distances[root] = 0
  const reached = [root]
  for (const peer of reached) {
    for (const next of links[peer] ?? []) {
      if (distances[next] !== Number.POSITIVE_INFINITY) continue
      distances[next] = (distances[peer] ?? 0) + 1
      reached.push(next)
    }
  }
  return Math.max(...distances)
}

function isAnswered(messaging: Messaging, to: MeshPeer | undefined): Promise<boolean> {
  if (to === undefined) return Promise.resolve(false)
  return messaging.call(to.id, 'whoAreYou').then(
    (answer) => answer === to.id,
    () => false,
  )
}
