import type { GroupMember, PeerId, PeerInfo, PeerStatus } from 'legion-mesh'

/** A peer as the demo shows it: linked, a member, or both. */
export interface Person {
  readonly peer: PeerId
  readonly name: string
  readonly kind: PeerInfo['kind']
  /** Undefined: not a member yet. */
  readonly role: GroupMember['role'] | undefined
  readonly isLeader: boolean
  readonly isSelf: boolean
  readonly isLinked: boolean
  /** The WebRTC implementation, where it is known. */
  readonly stack: string | undefined
  readonly rttMs: number | undefined
}

export interface Roll {
  readonly self: PeerInfo
  readonly peers: ReadonlyMap<PeerId, PeerStatus>
  readonly members: readonly GroupMember[]
}

/** This peer, those linked to it, and the members: itself first, then by name. */
export function peopleOf({ self, peers, members }: Roll): Person[] {
  const roles = new Map(members.map((member) => [member.peer, member]))
  const linked = [...peers.values()]
  const known = new Set([self.id, ...peers.keys()])
  const people = [
    ...[{ info: self, rttMs: undefined }, ...linked].map(({ info, rttMs }) => linkedPerson(info, rttMs, self, roles)),
    ...members.filter(({ peer }) => !known.has(peer)).map(unlinkedPerson),
  ]
  return people.sort((a, b) => Number(b.isSelf) - Number(a.isSelf) || a.name.localeCompare(b.name))
}

function linkedPerson(
  info: PeerInfo,
  rttMs: number | undefined,
  self: PeerInfo,
  roles: ReadonlyMap<PeerId, GroupMember>,
): Person {
  const member = roles.get(info.id)
  return {
    peer: info.id,
    name: info.name,
    kind: info.kind,
    role: member?.role,
    isLeader: member?.isLeader ?? false,
    isSelf: info.id === self.id,
    isLinked: true,
    stack: info.stack,
    rttMs,
  }
}

function unlinkedPerson({ peer, name, kind, role, isLeader }: GroupMember): Person {
  return { peer, name, kind, role, isLeader, isSelf: false, isLinked: false, stack: undefined, rttMs: undefined }
}
