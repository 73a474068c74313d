import { LegionError } from '../../src/base/errors.js'
import type { PeerId } from '../../src/base/ids.js'
import type { Group } from '../../src/groups/group.js'
import type { SimulatedPeer, SimulatedPeerOptions, Simulation } from '../../src/testing/simulation.js'
import { type Ledger, ledger } from './ledger.js'

export const KINDS = ['node', 'durable node', 'tab', 'durable tab'] as const
export type Kind = (typeof KINDS)[number]

export const GROUPS = ['main', 'second'] as const
export type GroupName = (typeof GROUPS)[number]

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

  toString(): string {
    const where = this.host === undefined ? '' : ` on ${this.host}`
    return `${this.peer.id.slice(0, 4)} (${this.kind}${where})`
  }
}

export interface FleetOptions {
  /** What all peers open. */
  readonly groups: readonly GroupName[]
  readonly limits: Options['limits']
  readonly started: (place: Place) => void
  readonly opened: (name: GroupName, group: Group<Ledger>) => void
}

/** The peers of a storm: who is up, who is down and will be back, how the others ended. */
export class Fleet {
  readonly places = new Set<Place>()
  readonly groups: readonly GroupName[]
  readonly #simulation: Simulation
  readonly #second = new WeakMap<SimulatedPeer<Ledger>, Group<Ledger>>()
  readonly #limits: Options['limits']
  readonly #ends = new Map<PeerId, End>()
  /** Of all peers that ever had storage. */
  readonly #durable = new Set<PeerId>()
  readonly #onStarted: FleetOptions['started']
  readonly #onOpened: FleetOptions['opened']

  constructor(simulation: Simulation, { groups, limits, started, opened }: FleetOptions) {
    this.#simulation = simulation
    this.groups = groups
    this.#limits = limits
    this.#onStarted = started
    this.#onOpened = opened
  }

  /** Undefined: it has not opened it yet. */
  groupOf(peer: SimulatedPeer<Ledger>, name: GroupName): Group<Ledger> | undefined {
    return name === 'main' ? peer.legion.main : this.#second.get(peer)
  }

  /** The group that its user works with. */
  usedOf(peer: SimulatedPeer<Ledger>): Group<Ledger> | undefined {
    return this.groupOf(peer, this.groups.at(-1) ?? 'main')
  }

  get up(): Place[] {
    return [...this.places].filter(({ isUp }) => isUp)
  }

  /** Who has the state of all groups. */
  get ready(): Place[] {
    return this.up.filter(({ peer }) => this.groups.every((name) => this.groupOf(peer, name)?.isReady))
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
    if (this.down.length > 0 || this.ready.length < this.up.length) return false
    const texts = this.up.map(({ peer }) => peer.legion.doc().y.getText('notes').toString())
    return new Set(texts).size === 1 && this.groups.every((name) => this.#isGroupRecovered(name))
  }

  #isGroupRecovered(name: GroupName): boolean {
    const all = this.up.flatMap(({ peer }) => this.groupOf(peer, name)?.status() ?? [])
    if (all.some(({ inFlight }) => inFlight > 0)) return false
    const ids = new Set(all.map(({ id }) => id))
    const isSame = new Set(all.map(({ applied, lead }) => `${applied} ${lead}`)).size === 1
    const voters = all[0]?.configuration.voters ?? []
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
    this.#started(place)
    return place
  }

  /** A peer that has ended is back, or its next one is. */
  restart(place: Place): void {
    place.peer = place.peer.restart()
    place.sleepsUntilMs = 0
    this.#started(place)
  }

  #started(place: Place): void {
    this.places.add(place)
    this.#onStarted(place)
    this.#onOpened('main', place.peer.legion.main)
    if (this.groups.includes('second')) this.#openSecond(place.peer)
  }

  /** As an application does: again, until there is a quorum that agrees. */
  #openSecond(peer: SimulatedPeer<Ledger>): void {
    peer.legion.group('second', ledger).then(
      (group) => {
        this.#second.set(peer, group)
        this.#onOpened('second', group)
      },
      (error: unknown) => {
        if (!LegionError.is(error)) throw error
        if (peer.isAlive) this.#openSecond(peer)
      },
    )
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

  /** What its replicas and its links are. */
  describe(place: Place): string {
    const links = Object.entries(place.peer.legion.status().mesh.peers)
    const states = links.map(([id, { state }]) => `${id.slice(0, 4)}:${state}`)
    const replicas = this.groups.map((name) => describeReplica(name, this.groupOf(place.peer, name)))
    return `${place} ${[...replicas, ...states].join(' ')}`
  }

  /** How a peer that will not be back ended. */
  endOf(peer: PeerId): End | undefined {
    return this.#ends.get(peer)
  }
}

function describeReplica(name: GroupName, group: Group<Ledger> | undefined): string {
  const status = group?.status()
  if (group === undefined || status === undefined) return `${name}: none`
  const { id, role, term, applied, lastIndex, lead, configuration, voices, inFlight } = status
  const { voters, votersOutgoing, learners } = configuration
  const members = [voters, votersOutgoing, learners].map((ids) => ids.map(short).join(',')).join(' | ')
  const log = `term ${term} applied ${applied} of ${lastIndex}`
  const others = `leader ${lead && short(lead)} [${members}] voices ${voices.map(short).join(',')} in flight ${inFlight}`
  return `${name}: ${short(id)} ready ${group.isReady} ${role} ${log} ${others}`
}

/** Of a peer or a replica. */
export function short(id: string): string {
  return `${id.slice(0, 4)}${id.slice(id.lastIndexOf('.'))}`
}
