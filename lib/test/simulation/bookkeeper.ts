import type { PeerId } from '../../src/base/ids.js'
import type { Group } from '../../src/groups/group.js'
import type { GroupStatus } from '../../src/groups/group-types.js'
import { peerOf } from '../../src/groups/voter-id.js'
import type { VoterId } from '../../src/raft/index.js'
import type { Fleet, GroupName, Place } from './fleet.js'
import type { Ledger } from './ledger.js'

/** A majority of each has to be there, or the cluster can agree on nothing. */
export type Half = readonly VoterId[]

interface View {
  readonly place: Place
  readonly group: Group<Ledger>
  readonly status: GroupStatus
}

/**
 * Knows of a group from outside what no peer can know: who counts, who is left, and so whether the quorum is there, will
 * be back, or is lost for good.
 */
export class Bookkeeper {
  readonly #fleet: Fleet
  readonly #name: GroupName

  constructor(fleet: Fleet, name: GroupName) {
    this.#fleet = fleet
    this.#name = name
  }

  /** Who is up and stands in the latest configuration. */
  get members(): Place[] {
    return this.#views().map(({ place }) => place)
  }

  /** The quorum would still be there, or come back, if these peers ended without a word. */
  survives(victims: readonly Place[]): boolean {
    const views = this.#views()
    const left = views.filter(({ place }) => !victims.includes(place))
    const present = new Set(left.map(({ status }) => status.id))
    const durable = new Set(victims.filter(({ isDurable }) => isDurable).map(({ peer }) => peer.id))
    const remains = (id: VoterId) => present.has(id) || durable.has(peerOf(id)) || this.#fleet.isKept(peerOf(id))
    return halvesOf(views).every((half) => isMajority(half, remains))
  }

  /** These peers alone have the quorum, with the votes that they have adopted. */
  isQuorum(places: readonly Place[]): boolean {
    const views = this.#views()
    const here = views.filter(({ place }) => places.includes(place))
    const votes = new Set(here.flatMap(({ status: { id, voices } }) => [id, ...voices]))
    return here.length > 0 && halvesOf(views).every((half) => isMajority(half, (id) => votes.has(id)))
  }

  /** Of the latest configuration, and of those that somebody has in its log. */
  get voters(): VoterId[] {
    return [...new Set(halvesOf(this.#views()).flat())]
  }

  /** Voters that nobody speaks for any more, and how they ended. */
  missing(): { readonly id: VoterId; readonly end: string }[] {
    const votes = new Set(this.#views().flatMap(({ status: { id, voices } }) => [id, ...voices]))
    return this.voters.filter((id) => !votes.has(id)).map((id) => ({ id, end: this.#endOf(peerOf(id)) }))
  }

  #endOf(peer: PeerId): string {
    return this.#fleet.endOf(peer) ?? (this.#fleet.up.some(({ peer: { id } }) => id === peer) ? 'is up' : 'unknown')
  }

  /** Every replica with state that stands in the latest configuration. */
  #views(): View[] {
    const all = [...this.#fleet.places].flatMap((place): View[] => {
      const group = place.peer.isAlive ? this.#fleet.groupOf(place.peer, this.#name) : undefined
      const status = group?.status()
      return group !== undefined && status !== undefined && status.applied > 0 ? [{ place, group, status }] : []
    })
    const [latest] = all.sort((a, b) => b.status.applied - a.status.applied)
    if (latest === undefined) return []
    const { voters, votersOutgoing, learners } = latest.status.configuration
    const members = new Set([...voters, ...votersOutgoing, ...learners])
    return all.filter((view) => view === latest || members.has(view.status.id))
  }
}

/** Of the latest configuration, and of those that somebody has in its log. */
function halvesOf(views: readonly View[]): Half[] {
  const [latest] = views
  if (latest === undefined) return []
  const { voters, votersOutgoing } = latest.status.configuration
  return nonEmpty([voters, votersOutgoing, ...views.flatMap(({ group, status }) => pendingOf(group, status))])
}

/** Of the configuration that is applied at a peer, and of those that it has in its log. */
export function halvesAt(group: Group<Ledger>): Half[] {
  const status = group.status()
  if (status === undefined) return []
  const { voters, votersOutgoing } = status.configuration
  return nonEmpty([voters, votersOutgoing, ...pendingOf(group, status)])
}

function nonEmpty(halves: readonly Half[]): Half[] {
  return halves.filter((half) => half.length > 0)
}

function pendingOf(group: Group<Ledger>, status: GroupStatus): Half[] {
  const { applied, lastIndex, configuration } = status
  if (applied === lastIndex) return []
  const voters = new Set(configuration.voters)
  const halves: Half[] = []
  for (const { what } of group.log(applied + 1, lastIndex)) {
    if (what.kind !== 'configuration') continue
    for (const { type, id } of what.changes) {
      if (type === 'add-voter') voters.add(id)
      else voters.delete(id)
    }
    halves.push([...voters])
  }
  return halves
}

export function isMajority(half: Half, has: (id: VoterId) => boolean): boolean {
  return half.filter(has).length * 2 > half.length
}
