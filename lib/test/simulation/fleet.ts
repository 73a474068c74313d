import type { PeerId } from '../../src/base/ids.js'
import type { SimulatedPeer, SimulatedPeerOptions, Simulation } from '../../src/testing/simulation.js'
import { type Ledger, ledger } from './ledger.js'

export const KINDS = ['node', 'durable node', 'tab', 'durable tab'] as const
export type Kind = (typeof KINDS)[number]

/** How a peer came to its end, as far as its vote is concerned. */
export type End =
  /** It said goodbye, and somebody heard it who can take its vote. */
  | 'goodbye'
  /** It ended without a word, or nobody was there to hear it. */
  | 'crash'
  /** It left the roster. */
  | 'left'

type Options = SimulatedPeerOptions<Ledger, unknown>

/** One peer over all its restarts; without storage each of them is a new peer. */
export class Place {
  readonly kind: Kind
  readonly host: string | undefined
  peer: SimulatedPeer<Ledger>
  /** `close` or `leave` is under way. */
  isClosing = false
  sleepsUntilMs = 0

  constructor(kind: Kind, host: string | undefined, peer: SimulatedPeer<Ledger>) {
    this.kind = kind
    this.host = host
    this.peer = peer
  }

  get isDurable(): boolean {
    return this.kind.startsWith('durable')
  }

  get isTab(): boolean {
    return this.kind.endsWith('tab')
  }

  get isUp(): boolean {
    return this.peer.isAlive && !this.isClosing
  }

  /** It has the state. */
  get isReady(): boolean {
    return this.isUp && this.peer.legion.main.isReady
  }

  toString(): string {
    const where = this.host === undefined ? '' : ` on ${this.host}`
    return `${this.peer.id.slice(0, 4)} (${this.kind}${where})`
  }
}

/** The peers of a storm: who is up, who is down and will be back, how the others ended. */
export class Fleet {
  readonly places = new Set<Place>()
  readonly #simulation: Simulation
  readonly #limits: Options['limits']
  readonly #ends = new Map<PeerId, End>()
  /** Of all peers that ever had storage. */
  readonly #durable = new Set<PeerId>()
  readonly #onStart: (place: Place) => void

  constructor(simulation: Simulation, limits: Options['limits'], onStart: (place: Place) => void) {
    this.#simulation = simulation
    this.#limits = limits
    this.#onStart = onStart
  }

  get up(): Place[] {
    return [...this.places].filter(({ isUp }) => isUp)
  }

  /** Durable peers that have ended and will be back. */
  get down(): Place[] {
    return [...this.places].filter(({ peer }) => !peer.isAlive)
  }

  get isAnyClosing(): boolean {
    return [...this.places].some(({ isClosing }) => isClosing)
  }

  /** Everyone has everything, nothing is under way, and the voters are who they should be. */
  get isRecovered(): boolean {
    if (this.down.length > 0) return false
    if (!this.up.every(({ isReady }) => isReady)) return false
    const mains = this.up.flatMap(({ peer }) => peer.legion.main.status() ?? [])
    if (mains.some(({ inFlight }) => inFlight > 0)) return false
    const ids = new Set(mains.map(({ id }) => id))
    const texts = this.up.map(({ peer }) => peer.legion.doc().y.getText('notes').toString())
    const isSame =
      new Set(mains.map(({ applied, lead }) => `${applied} ${lead}`)).size === 1 && new Set(texts).size === 1
    const voters = mains[0]?.configuration.voters ?? []
    return isSame && voters.every((id) => ids.has(id)) && voters.length >= Math.min(3, ids.size - ((ids.size + 1) % 2))
  }

  open(kind: Kind, host: string | undefined, disk: Options['disk']): Place {
    const options: Options = {
      machine: ledger,
      kind: kind.endsWith('tab') ? 'browser' : 'node',
      storage: kind.startsWith('durable') ? 'simulated' : 'memory',
      disk,
      limits: this.#limits,
      ...(host === undefined ? {} : { host }),
    }
    const place = new Place(kind, host, this.#simulation.open<Ledger>(options))
    this.places.add(place)
    this.#onStart(place)
    return place
  }

  /** A peer that has ended is back, or its next one is. */
  restart(place: Place): void {
    place.peer = place.peer.restart()
    place.sleepsUntilMs = 0
    this.places.add(place)
    this.#onStart(place)
  }

  /** What is stored of it, if anything is, stays for its return. */
  ended(place: Place, end: End): void {
    const { id } = place.peer
    if (place.isDurable && end !== 'left') this.#durable.add(id)
    else this.places.delete(place)
    if (end === 'left') this.#durable.delete(id)
    this.#ends.set(id, end)
  }

  /** It has storage, and if it is gone, what is stored of it will be back. */
  isKept(peer: PeerId): boolean {
    return this.#durable.has(peer)
  }

  /** How a peer that will not be back ended. */
  endOf(peer: PeerId): End | undefined {
    return this.#ends.get(peer)
  }
}
