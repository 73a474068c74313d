import type { Backplane } from './backplane.js'
import { type Client, Member } from './member.js'
import type { Bye, ClientMessage, Hello, IceServer } from './protocol.js'

/**
 * What the clients of this instance say, turned into what the backplane is asked.
 *
 * Invariant: a client is a member of at most one room.
 */
export class Rooms {
  readonly #backplane: Backplane
  readonly #members = new Map<Client, Member>()

  constructor(backplane: Backplane) {
    this.#backplane = backplane
  }

  get memberCount(): number {
    return this.#members.size
  }

  isMember(client: Client): boolean {
    return this.#members.has(client)
  }

  /** The client must not be a member. @param iceServers for this client */
  join(client: Client, hello: Hello, iceServers: readonly IceServer[]): void {
    const member = new Member(hello, client, iceServers, () => this.#members.delete(client))
    this.#members.set(client, member)
    this.#backplane.enter(member)
  }

  receive(client: Client, message: Exclude<ClientMessage, Hello>): void {
    const member = this.#members.get(client)
    if (message.type === 'ping') client.send({ type: 'pong' })
    else if (member === undefined) client.complain('not-joined')
    else if (message.type === 'bye') this.#remove(client, member, message)
    else if (message.type === 'found') this.#backplane.found(member, message.clusterId)
    else this.#backplane.signal(member, message.to, message.payload)
  }

  /** The client's socket is gone. Idempotent. */
  disconnected(client: Client): void {
    const member = this.#members.get(client)
    if (member !== undefined) this.#remove(client, member, undefined)
  }

  #remove(client: Client, member: Member, bye: Bye | undefined): void {
    this.#members.delete(client)
    this.#backplane.leave(member, bye)
  }
}
