import type { ClusterId, PeerId } from '../base/ids.js'
import type { Runtime } from '../base/runtime.js'
import type { MachineDefinition } from '../machines/machine.js'
import type { Network } from '../mesh/network.js'
import type { VoterId } from '../raft/index.js'
import { type Admit, EJECTED, problemWith } from './admission.js'
import type { Announce, Inquiry, Leaving } from './announce.js'
import { isOfEpoch } from './epoch.js'
import type { Epochs } from './epochs.js'
import { MAIN } from './group-registry.js'
import type { Membership } from './membership.js'
import type { Replica } from './replica.js'
import type { Outlet } from './replica-host-types.js'
import { type Member, memberOf } from './roster.js'
import { incarnationOf, peerOf } from './voter-id.js'

export interface PresenceOptions {
  readonly group: number
  readonly clusterId: ClusterId
  readonly network: Network
  readonly runtime: Runtime
  readonly definition: MachineDefinition
  readonly admit: Admit | undefined
  readonly out: Outlet
  readonly membership: Membership
  /** Undefined before it begins and after it stopped. */
  replica(): Replica | undefined
  id(): VoterId
  ticks(): number
  epochs(): Epochs
  isVisible(): boolean
}

const ANNOUNCE_TICKS = 10

/** A replica that speaks for more others begins a new incarnation: all of them have to fit into its own last words. */
const VOICES_WANTED_MAX = 64

/** Who is here: this replica tells the others of itself, and hears of theirs. */
export class Presence {
  readonly #options: PresenceOptions
  #announcedAtTick = 0

  constructor(options: PresenceOptions) {
    this.#options = options
  }

  /** What the roster says, or shall say, of this replica. */
  member(): Member {
    const { network, id, definition } = this.#options
    return memberOf(network.self, id(), definition.version)
  }

  /** Nobody else needs what is here, or has to be told that this peer goes. */
  get isAlone(): boolean {
    const { membership, network, replica } = this.#options
    const { isMember, state, id } = replica() ?? {}
    if (state === undefined || id === undefined) return false
    if (isMember) return membership.isAlone(state.roster)
    // The others may have added it without its knowing: who is durable would be remembered for ever.
    return !network.self.durable && !state.roster.isRetired(id)
  }

  /** This replica speaks for so many others that its next incarnation should take its place. */
  get isWorn(): boolean {
    return (this.#options.replica()?.voices.length ?? 0) > VOICES_WANTED_MAX
  }

  /** Every peer that is there has told of its replica, if it is to have one; of other groups than `main` not all have. */
  hasHeardAll(): boolean {
    const { clusterId, group, network, membership } = this.#options
    const own = [...network.peers].filter(([, peer]) => peer.clusterId === clusterId)
    return group !== MAIN || own.every(([id]) => membership.announces.has(id))
  }

  /** It is time to announce again: nobody has made this replica a member yet, or its next incarnation in its place. */
  isStale(ticks: number): boolean {
    if (ticks < this.#announcedAtTick + ANNOUNCE_TICKS) return false
    return this.isWorn || this.#options.replica()?.isMember === false
  }

  /** Repeated until this peer is a member: some did not host the group yet when they were told. */
  announce(): void {
    this.#announcedAtTick = this.#options.ticks()
    for (const peer of this.#options.network.peers.keys()) this.announceTo(peer)
  }

  announceTo(peer: PeerId): void {
    const { clusterId, definition, out, epochs } = this.#options
    const replica = this.#options.replica()
    if (replica === undefined) return
    const { current: epoch, history: all } = epochs()
    const history = replica.isMember ? all : []
    const visible = this.#options.isVisible()
    const [member, machineName] = [this.member(), definition.name]
    const { isWorn } = this
    out.tell(peer, { kind: 'announce', clusterId, member, machineName, visible, isWorn, epoch, history })
  }

  told(from: PeerId, message: Announce | Inquiry | Leaving): void {
    if (message.kind === 'announce') this.#heard(from, message)
    else if (message.kind === 'leaving') this.#heardLeaving(from)
    else this.announceTo(from)
  }

  /**
   * On the leader: asks the members whose announcement it lost with a link. They said it once, and may not have noticed
   * that the link broke.
   */
  inquire(): void {
    const { network, membership, out } = this.#options
    for (const id of this.#options.replica()?.state.roster.members.keys() ?? []) {
      const peer = peerOf(id)
      if (network.peers.has(peer) && !membership.announces.has(peer)) out.tell(peer, { kind: 'inquiry' })
    }
  }

  #heard(from: PeerId, announce: Announce): void {
    const { clusterId, membership, out, runtime, epochs, definition, admit } = this.#options
    // A peer of another cluster has nothing to do with this group, even if it uses the same room.
    if (peerOf(announce.member.id) !== from || announce.clusterId !== clusterId) return
    if (!isOfEpoch(epochs().current, announce.epoch)) {
      epochs().met(from, announce)
      return
    }
    const replica = this.#options.replica()
    const problem = replica?.isMember ? problemWith(announce, replica.state, definition, admit) : undefined
    if (problem !== undefined) {
      out.tell(from, problem)
      return
    }
    membership.announced(from, announce, runtime.nowMs())
    this.tellIfRetired(from, announce.member.id)
    if (replica?.isLeader && !replica.state.roster.members.has(announce.member.id)) replica.wake()
  }

  #heardLeaving(from: PeerId): void {
    const { membership } = this.#options
    membership.leaving(from)
    const id = membership.announces.get(from)?.member.id
    if (id === undefined) return
    const replica = this.#options.replica()
    // It never was a member, no change that makes it one is under way, and none follows.
    const isStranger = replica?.isLeader && !replica.state.roster.has(from) && isAllApplied(replica)
    if (isStranger) this.#options.out.tell(from, { kind: 'retired', incarnation: incarnationOf(id) })
    else this.tellIfRetired(from, id)
  }

  tellIfRetired(peer: PeerId, id: VoterId): void {
    const replica = this.#options.replica()
    const roster = replica?.state.roster
    if (!replica?.isMember || !roster?.isRetired(id)) return
    const farewell = roster.isEjected(peer) ? EJECTED : ({ kind: 'retired', incarnation: incarnationOf(id) } as const)
    this.#options.out.tell(peer, farewell)
  }
}

function isAllApplied({ state, last }: Replica): boolean {
  return state.appliedIndex === last.index
}
