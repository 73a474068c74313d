import { timingSafeEqual } from 'node:crypto'
import type { Backplane, BackplaneCounts, Stay } from './backplane.js'
import type { Clock } from './clock.js'
import type { Limits } from './limits.js'
import type { Bye, ErrorCode } from './protocol.js'
import { Reservations } from './reservations.js'
import { Room } from './room.js'

export interface LocalBackplaneOptions {
  readonly clock: Clock
  readonly warmupMs: number
  readonly graceMs: number
  readonly limits: Pick<Limits, 'membersPerRoom' | 'rooms' | 'reservationMs' | 'reservations'>
}

/**
 * Of an instance that is the only one. Answers before the call returns, but for a founding during the warm-up.
 *
 * Invariants: a PeerId stands at most once in a room; a room is kept as long as it has members or a ClusterId.
 */
export class LocalBackplane implements Backplane {
  readonly #options: LocalBackplaneOptions
  readonly #rooms = new Map<string, Room>()
  /** Remembered rooms without members, the one empty for longest first. */
  readonly #empty = new Set<Room>()
  readonly #reservations: Reservations
  #isWarm = false
  readonly #warmup

  constructor(options: LocalBackplaneOptions) {
    this.#options = options
    this.#reservations = new Reservations(options)
    this.#warmup = options.clock.setTimer(options.warmupMs, () => this.#warmedUp())
  }

  async start(): Promise<void> {}

  enter(stay: Stay): void {
    const room = this.#roomFor(stay)
    if (typeof room === 'string') stay.refused(room)
    else this.#enter(stay, room)
  }

  leave(stay: Stay, bye: Bye | undefined): void {
    const room = this.#roomOf(stay)
    if (room === undefined) return
    this.#reservations.keep(stay.room, stay.peer, stay.token)
    room.leave(stay, bye)
    this.#tidy(room)
  }

  found(stay: Stay, clusterId: string): void {
    this.#roomOf(stay)?.founding.request(stay, clusterId)
  }

  signal(from: Stay, to: string, payload: string): void {
    this.#roomOf(from)?.stayOf(to)?.tell({ type: 'signal', from: from.peer, payload })
  }

  get counts(): BackplaneCounts {
    return { rooms: this.#rooms.size, reservations: this.#reservations.size, isShared: true }
  }

  async close(): Promise<void> {
    this.#warmup.cancel()
    for (const room of this.#rooms.values()) room.founding.dispose()
    this.#rooms.clear()
  }

  /** Undefined if the stay has ended. */
  #roomOf(stay: Stay): Room | undefined {
    const room = this.#rooms.get(stay.room)
    return room?.stayOf(stay.peer) === stay ? room : undefined
  }

  /** The room that it may enter, or why it may not. */
  #roomFor(stay: Stay): Room | ErrorCode {
    if (!this.#isOwner(stay)) return 'peer-taken' // before a room is opened for it
    const room = this.#rooms.get(stay.room) ?? this.#openRoom(stay.room)
    if (room === undefined) return 'too-many-rooms'
    const hasPlace = room.size < this.#options.limits.membersPerRoom || room.stayOf(stay.peer) !== undefined
    return hasPlace ? room : 'room-full'
  }

  #isOwner({ room, peer, token }: Stay): boolean {
    const present = this.#rooms.get(room)?.stayOf(peer)
    const expected = present?.token ?? this.#reservations.tokenOf(room, peer)
    return expected === undefined || timingSafeEqual(Buffer.from(token), Buffer.from(expected))
  }

  #enter(stay: Stay, room: Room): void {
    this.#empty.delete(room)
    this.#reservations.release(room.id, stay.peer)
    const predecessor = room.enter(stay)
    stay.entered({ peers: room.peersBeside(stay), clusterId: room.founding.clusterId })
    predecessor?.replaced()
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
