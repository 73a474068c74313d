import type { PeerId } from 'legion-mesh'
import type { Roll } from './people.js'
import type { Seats } from './seat-changes.js'

/** Who has a seat. */
export interface Holder {
  readonly peer: string
  readonly name: string
  readonly isSelf: boolean
  /** It is neither linked nor a member any more: nobody will give back its seats. */
  readonly isGone: boolean
}

/** What peers said they are called when they reserved, by PeerId. */
export type Names = Readonly<Record<string, string>>

/** The holder of each taken seat. */
export function holdersOf(seats: Seats, names: Names, roll: Roll): Map<string, Holder> {
  const { self, peers, members } = roll
  const present = new Set<string>([self.id, ...peers.keys(), ...members.map(({ peer }) => peer)])
  const holder = (peer: string): Holder => ({
    peer,
    name: nameOf(peer, names, roll),
    isSelf: peer === self.id,
    isGone: !present.has(peer),
  })
  return new Map(Object.entries(seats).map(([seat, peer]) => [seat, holder(peer)]))
}

/** How a peer is called: by its link, by the roster, or, if it is gone, by what it said. */
export function nameOf(peer: string, names: Names, { self, peers, members }: Roll): string {
  if (peer === self.id) return self.name
  const linked = peers.get(peer as PeerId)?.info.name
  return linked ?? members.find((member) => member.peer === peer)?.name ?? names[peer] ?? 'somebody'
}
