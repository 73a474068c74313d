import type { PeerId } from '../base/ids.js'
import type { PeerInfo, PeerKind } from '../mesh/peer-info.js'
import type { VoterId } from '../raft/index.js'
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

const RETIRED_MAX = 4096

/**
 * The members of a group and which incarnations are gone for good. Replicated: changed only when a configuration
 * change is applied, and part of every snapshot.
 */
export class Roster {
  readonly #members = new Map<VoterId, Member>()
  /** The highest incarnation of a peer that was removed; the longest unchanged is forgotten first. */
  readonly #retired = new Map<PeerId, number>()

  get members(): ReadonlyMap<VoterId, Member> {
    return this.#members
  }

  get retired(): ReadonlyMap<PeerId, number> {
    return this.#retired
  }

  has(peer: PeerId): boolean {
    for (const id of this.#members.keys()) if (peerOf(id) === peer) return true
    return false
  }

  /** True if this incarnation may not come (back). */
  isRetired(id: VoterId): boolean {
    return incarnationOf(id) <= (this.#retired.get(peerOf(id)) ?? 0)
  }

  /**
   * Follows an applied configuration change.
   * @param present all ids of the new configuration
   * @param joining what the change says of those that are new
   */
  apply(present: ReadonlySet<VoterId>, joining: readonly Member[]): void {
    for (const member of joining) if (present.has(member.id)) this.#members.set(member.id, member)
    for (const id of this.#members.keys()) if (!present.has(id)) this.#remove(id)
  }

  /** Takes a snapshot's place. */
  static restore(members: readonly Member[], retired: Iterable<readonly [PeerId, number]>): Roster {
    const roster = new Roster()
    for (const member of members) roster.#members.set(member.id, member)
    for (const [peer, incarnation] of retired) roster.#retired.set(peer, incarnation)
    return roster
  }

  #remove(id: VoterId): void {
    this.#members.delete(id)
    const peer = peerOf(id)
    const highest = Math.max(incarnationOf(id), this.#retired.get(peer) ?? 0)
    this.#retired.delete(peer) // so that it is the youngest again
    this.#retired.set(peer, highest)
    const [oldest] = this.#retired.keys()
    if (this.#retired.size > RETIRED_MAX && oldest !== undefined) this.#retired.delete(oldest)
  }
}
