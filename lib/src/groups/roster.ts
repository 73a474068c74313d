import type { PeerId } from '../base/ids.js'
import type { PeerInfo, PeerKind } from '../mesh/peer-info.js'
import type { VoterId } from '../raft/index.js'
import type { PinnedRole, RosterEntry, RosterResult } from './roster-entry.js'
import { incarnationOf, peerOf } from './voter-id.js'

/** A replica in the group, as every replica knows it. Its role stands in the Raft configuration. */
export interface Member {
  readonly id: VoterId
  readonly name: string
  readonly kind: PeerKind
  readonly host: string
  readonly durable: boolean
  readonly canVote: boolean
  /** The version of the machine that its code carries. */
  readonly machineVersion: number
}

export function memberOf(self: PeerInfo, id: VoterId, machineVersion: number): Member {
  const { name, kind, host, durable, canVote } = self
  return { id, name, kind, host, durable, canVote, machineVersion }
}

/** All of a roster, as a snapshot carries it. */
export interface RosterRecord {
  readonly members: readonly Member[]
  readonly retired: readonly (readonly [PeerId, number])[]
  readonly ejected: readonly PeerId[]
  readonly pinned: readonly (readonly [PeerId, PinnedRole])[]
  readonly changedAt: number
}

/** Part of the protocol: nobody can read a longer roster. */
export const MEMBERS_MAX = 4096

/** Of those that went, were ejected or pinned, the longest unchanged are forgotten. */
export const REMEMBERED_MAX = 4096

/**
 * The members of a group, which incarnations are gone for good, and what was wished of peers. Replicated: changed only
 * when a configuration change or a wish is applied, and part of every snapshot.
 */
export class Roster {
  readonly #members = new Map<VoterId, Member>()
  /** The highest incarnation of a peer that was removed. */
  readonly #retired = new Map<PeerId, number>()
  readonly #ejected = new Map<PeerId, true>()
  readonly #pinned = new Map<PeerId, PinnedRole>()
  #changedAt = 0

  get members(): ReadonlyMap<VoterId, Member> {
    return this.#members
  }

  /** The index in the log at which it was changed last. */
  get changedAt(): number {
    return this.#changedAt
  }

  has(peer: PeerId): boolean {
    for (const id of this.#members.keys()) if (peerOf(id) === peer) return true
    return false
  }

  /** True if this incarnation may not come (back). */
  isRetired(id: VoterId): boolean {
    return incarnationOf(id) <= (this.#retired.get(peerOf(id)) ?? 0)
  }

  /** True if the peer may not come (back), in whatever incarnation. */
  isEjected(peer: PeerId): boolean {
    return this.#ejected.has(peer)
  }

  /** True if the peer may not be a member, or was one and is none. */
  isOut(peer: PeerId): boolean {
    return this.isEjected(peer) || (this.#retired.has(peer) && !this.has(peer))
  }

  /** The role that somebody wants the peer to have. */
  pinnedRole(peer: PeerId): PinnedRole | undefined {
    return this.#pinned.get(peer)
  }

  /**
   * Follows an applied configuration change.
   * @param present all ids of the new configuration
   * @param joining what the change says of those that are new
   */
  apply(index: number, present: ReadonlySet<VoterId>, joining: readonly Member[]): void {
    this.#changedAt = index
    for (const member of joining) if (present.has(member.id)) this.#members.set(member.id, member)
    for (const id of this.#members.keys()) if (!present.has(id)) this.#remove(id)
  }

  /** Notes a wish, if it can be granted. */
  wish(index: number, { peer, wish, expected }: RosterEntry): RosterResult {
    if (expected !== this.#changedAt) return 'changed'
    const problem = this.#objection(peer, wish)
    if (problem !== undefined) return problem
    this.#changedAt = index
    if (wish === 'eject') remember(this.#ejected, peer, true)
    else if (wish === 'readmit') this.#ejected.delete(peer)
    else remember(this.#pinned, peer, wish)
    return 'done'
  }

  toRecord(): RosterRecord {
    return {
      members: [...this.#members.values()],
      retired: [...this.#retired],
      ejected: [...this.#ejected.keys()],
      pinned: [...this.#pinned],
      changedAt: this.#changedAt,
    }
  }

  /** Takes a snapshot's place. */
  static restore(record: RosterRecord): Roster {
    const roster = new Roster()
    for (const member of record.members) roster.#members.set(member.id, member)
    for (const [peer, incarnation] of record.retired) roster.#retired.set(peer, incarnation)
    for (const peer of record.ejected) roster.#ejected.set(peer, true)
    for (const [peer, role] of record.pinned) roster.#pinned.set(peer, role)
    roster.#changedAt = record.changedAt
    return roster
  }

  #objection(peer: PeerId, wish: RosterEntry['wish']): RosterResult | undefined {
    if (wish === 'readmit') return this.isEjected(peer) ? undefined : 'no-peer'
    if (!this.has(peer)) return 'no-peer'
    if (wish !== 'eject') return wish === 'learner' || this.#canVote(peer) ? undefined : 'cannot-vote'
    const others = [...this.#members.values()].filter(({ id, canVote }) => canVote && peerOf(id) !== peer)
    return others.some(({ id }) => !this.isEjected(peerOf(id))) ? undefined : 'last-voter'
  }

  #canVote(peer: PeerId): boolean {
    return [...this.#members.values()].some(({ id, canVote }) => canVote && peerOf(id) === peer)
  }

  #remove(id: VoterId): void {
    this.#members.delete(id)
    const peer = peerOf(id)
    remember(this.#retired, peer, Math.max(incarnationOf(id), this.#retired.get(peer) ?? 0))
  }
}

function remember<T>(map: Map<PeerId, T>, peer: PeerId, value: T): void {
  map.delete(peer) // so that it is the youngest again
  map.set(peer, value)
  const [oldest] = map.keys()
  if (map.size > REMEMBERED_MAX && oldest !== undefined) map.delete(oldest)
}
