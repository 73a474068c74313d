import { timingSafeEqual } from 'node:crypto'
import type { Clock } from './clock.js'
import type { Limits } from './limits.js'
import type { ClientMessage, ErrorCode, Hello, IceServer } from './protocol.js'
import { Reservations } from './reservations.js'
import { type Client, Member, Room } from './room.js'

export interface RoomsOptions {
  readonly clock: Clock
  readonly iceServers: readonly IceServer[]
  readonly warmupMs: number
  readonly graceMs: number
  readonly limits: Pick<Limits, 'membersPerRoom' | 'rooms' | 'reservationMs' | 'reservations'>
}

/**
 * All that the server knows, without any I/O: messages and lost sockets in, messages to clients out.
 *
 * Invariants: a client is a member of at most one room; a PeerId stands at most once in a room; a room is kept as long
 * as it has members or a ClusterId.
 */
export class Rooms {
  readonly #options: RoomsOptions
  readonly #rooms = new Map<string, Room>()
  /** Remembered rooms without members, the one empty for longest first. */
  readonly #empty = new Set<Room>()
  readonly #members = new Map<Client, Member>()
  readonly #reservations: Reservations
  #isWarm = false
  readonly #warmup

  constructor(options: RoomsOptions) {
    this.#options = options
    this.#reservations = new Reservations(options)
    this.#warmup = options.clock.setTimer(options.warmupMs, () => this.#warmedUp())
  }

  get roomCount(): number {
    return this.#rooms.size
  }

  get memberCount(): number {
    return this.#members.size
  }

  get reservationCount(): number {
    return this.#reservations.size
  }

  isMember(client: Client): boolean {
    return this.#members.has(client)
  }

  receive(client: Client, message: ClientMessage): void {
    const member = this.#members.get(client)
    if (message.type === 'ping') client.send({ type: 'pong' })
    else if (message.type === 'hello') this.#hello(client, message)
    else if (member === undefined) client.complain('not-joined')
    else if (message.type === 'bye') this.#remove(member, true)
    else if (message.type === 'found') member.room.founding.request(member, message.clusterId)
    else route(member, message.to, message.payload)
  }

  /** The client's socket is gone. Idempotent. */
  disconnected(client: Client): void {
    const member = this.#members.get(client)
    if (member !== undefined) this.#remove(member, false)
  }

  /** Stops every timer. */
  close(): void {
    this.#warmup.cancel()
    for (const room of this.#rooms.values()) room.founding.dispose()
  }

  #hello(client: Client, hello: Hello): void {
    if (this.isMember(client)) client.complain('already-joined')
    else this.#join(client, hello)
  }

  #join(client: Client, hello: Hello): void {
    const room = this.#roomFor(hello)
    if (typeof room === 'string') client.dismiss(room)
    else this.#enter(new Member(hello, client, room), hello.clusterId)
  }

  /** The room that `hello` may enter, or why it may not. */
  #roomFor(hello: Hello): Room | ErrorCode {
    if (!this.#isOwner(hello)) return 'peer-taken' // before a room is opened for it
    const room = this.#rooms.get(hello.room) ?? this.#openRoom(hello.room)
    if (room === undefined) return 'too-many-rooms'
    const hasPlace = room.size < this.#options.limits.membersPerRoom || room.member(hello.peer) !== undefined
    return hasPlace ? room : 'room-full'
  }

  #isOwner({ room, peer, token }: Hello): boolean {
    const present = this.#rooms.get(room)?.member(peer)
    const expected = present?.token ?? this.#reservations.tokenOf(room, peer)
    return expected === undefined || timingSafeEqual(Buffer.from(token), Buffer.from(expected))
  }

  #enter(member: Member, clusterId: string | undefined): void {
    const room = member.room
    this.#members.set(member.client, member)
    this.#empty.delete(room)
    this.#reservations.release(room.id, member.peer)
    const predecessor = room.enter(member, clusterId)
    member.client.send({
      type: 'welcome',
      peers: room.peersBeside(member),
      iceServers: this.#options.iceServers,
      clusterId: room.founding.clusterId,
    })
    if (predecessor !== undefined) this.#replace(predecessor)
  }

  #remove(member: Member, isEnd: boolean): void {
    this.#members.delete(member.client)
    this.#reservations.keep(member.room.id, member.peer, member.token)
    member.room.leave(member, isEnd)
    this.#tidy(member.room)
  }

  #replace(member: Member): void {
    this.#members.delete(member.client) // first, so that its socket's end is not taken for the peer's
    member.client.dismiss('replaced')
  }

  #openRoom(id: string): Room | undefined {
    if (this.#rooms.size >= this.#options.limits.rooms && !this.#evictOldestEmpty()) return undefined
    const room: Room = new Room(id, {
      clock: this.#options.clock,
      graceMs: this.#options.graceMs,
      isWarm: () => this.#isWarm,
      onForgotten: () => this.#tidy(room),
    })
    this.#rooms.set(id, room)
    return room
  }

  #evictOldestEmpty(): boolean {
    for (const room of this.#empty) {
      this.#drop(room)
      return true
    }
    return false
  }

  #tidy(room: Room): void {
    if (room.isForgettable) this.#drop(room)
    else if (room.size === 0) this.#empty.add(room)
  }

  #drop(room: Room): void {
    room.founding.dispose()
    this.#empty.delete(room)
    this.#rooms.delete(room.id)
  }

  #warmedUp(): void {
    this.#isWarm = true
    for (const room of this.#rooms.values()) room.founding.warmedUp()
  }
}

/** To one peer, never to all; dropped if it is not there, as signals may be. */
function route(from: Member, to: string, payload: string): void {
  from.room.member(to)?.client.send({ type: 'signal', from: from.peer, payload })
}
