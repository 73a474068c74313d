import { type Claimant, Founding, type FoundingOptions } from './founding.js'
import type { ErrorCode, Hello, ServerMessage } from './protocol.js'

/** One socket, as the rooms see it. Nothing here throws. */
export interface Client {
  send(message: ServerMessage): void
  /** Says what was wrong with a message; after a few complaints the socket is closed. */
  complain(code: ErrorCode): void
  /** Says why and closes. */
  dismiss(code: ErrorCode): void
}

/** A peer in a room. */
export class Member implements Claimant {
  readonly peer: string
  readonly durable: boolean
  readonly client: Client
  readonly room: Room
  /** Who shows it takes this peer's place. */
  readonly token: string

  constructor(hello: Hello, client: Client, room: Room) {
    this.peer = hello.peer
    this.token = hello.token
    this.durable = hello.durable
    this.client = client
    this.room = room
  }

  founded(clusterId: string): void {
    this.client.send({ type: 'founded', clusterId })
  }
}

/** The peers of one cluster that are connected now, and what is known of its founding. */
export class Room {
  readonly id: string
  readonly founding: Founding
  readonly #members = new Map<string, Member>()

  constructor(id: string, founding: Omit<FoundingOptions, 'isEmpty'>) {
    this.id = id
    this.founding = new Founding({ ...founding, isEmpty: () => this.size === 0 })
  }

  get size(): number {
    return this.#members.size
  }

  /** Nobody here and nothing to remember. */
  get isForgettable(): boolean {
    return this.size === 0 && this.founding.clusterId === undefined
  }

  member(peer: string): Member | undefined {
    return this.#members.get(peer)
  }

  peersBeside(member: Member): string[] {
    return [...this.#members.keys()].filter((peer) => peer !== member.peer)
  }

  /** Returns the member whose place this one takes, if the peer was here already. */
  enter(member: Member, clusterId: string | undefined): Member | undefined {
    const predecessor = this.#members.get(member.peer)
    this.#members.delete(member.peer)
    this.#tell({ type: 'peer-joined', peer: member.peer })
    this.#members.set(member.peer, member)
    if (clusterId !== undefined) this.founding.claim(member, clusterId)
    if (predecessor !== undefined) this.founding.left(predecessor)
    return predecessor
  }

  /** @param isEnd it said so, and is not to be waited for */
  leave(member: Member, isEnd: boolean): void {
    this.#members.delete(member.peer)
    this.#tell({ type: 'peer-left', peer: member.peer })
    if (isEnd) this.founding.ended(member)
    else this.founding.left(member)
  }

  #tell(message: ServerMessage): void {
    for (const member of this.#members.values()) member.client.send(message)
  }
}
