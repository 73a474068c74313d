import { randomBytes } from 'node:crypto'
import type { Backplane, BackplaneCounts, Stay } from './backplane.js'
import type { Clock, Timer } from './clock.js'
import { CLAIM_MS } from './founding.js'
import type { Limits } from './limits.js'
import type { Log } from './log.js'
import type { Bye, ErrorCode } from './protocol.js'
import { handleRedisEvent, type RedisEventHandlers } from './redis-events.js'
import { type RedisClient, RedisLink } from './redis-link.js'
import { type Place, RedisRoom } from './redis-room.js'

export interface RedisOptions {
  /** `redis://[[user]:password@]host[:port][/database]`, `rediss://…` for TLS. */
  readonly url: string
  /** Of every key and channel; instances of one server have the same. Default: `legion:`. */
  readonly prefix?: string | undefined
  /** An instance that is not heard of for so long has ended, and its members with it. Default: 10000. */
  readonly leaseMs?: number | undefined
}

export interface RedisBackplaneOptions extends RedisOptions {
  readonly clock: Clock
  readonly log: Log
  readonly warmupMs: number
  readonly graceMs: number
  readonly limits: Pick<Limits, 'membersPerRoom' | 'rooms' | 'reservationMs' | 'reservations'>
}

/** An instance says so many times per lease that it lives. */
const BEATS_PER_LEASE = 10

/**
 * Of several instances with one Redis. Redis decides who may enter and who founds (`redis-script.ts`); each instance
 * keeps what it was told of the rooms in which it has stays.
 *
 * Cut off from Redis an instance goes on alone: it lets peers in by what it knows, founds nothing, and after a lease
 * tells that the members of the other instances left. When Redis is back it tells all its stays anew, under a new name, and
 * takes over Redis' view; what Redis does not know any more is forgotten there as after an instance's end.
 */
export class RedisBackplane implements Backplane {
  readonly #options: RedisBackplaneOptions
  readonly #prefix: string
  readonly #leaseMs: number
  readonly #settings: string
  readonly #rooms = new Map<string, RedisRoom>()
  readonly #places = new Map<Stay, Place>()
  readonly #bySeq = new Map<number, Place>()
  readonly #timers = new Map<TimerName, Timer>()
  /** Undefined before the start and after the end. */
  #createClient: (() => RedisClient) | undefined
  #link: RedisLink | undefined
  /** The name of this instance, for one link. */
  #instance = ''
  /** The name under which its stays were told last. */
  #toldAs: string | undefined
  /** Redis has our stays, or gets them before whatever is asked next. */
  #isShared = false
  /** Logged once, not at every attempt. */
  #problem: string | undefined
  #nextSeq = 1

  constructor(options: RedisBackplaneOptions) {
    const { limits, graceMs, warmupMs, prefix = 'legion:', leaseMs = 10_000 } = options
    const { membersPerRoom, rooms, reservationMs, reservations } = limits
    this.#options = options
    this.#prefix = prefix
    this.#leaseMs = leaseMs
    this.#settings = JSON.stringify({
      ...{ membersPerRoom, rooms, reservationMs, reservations },
      ...{ graceMs, warmupMs, leaseMs },
      claimMs: Math.min(CLAIM_MS, graceMs),
    })
  }

  async start(): Promise<void> {
    this.#createClient = await loadRedis(this.#options.url)
    this.#connect()
  }

  enter(stay: Stay): void {
    const place: Place = {
      stay,
      seq: this.#nextSeq++,
      sinceMs: this.#options.clock.wallClockMs(),
      claim: stay.clusterId,
      request: undefined,
    }
    this.#places.set(stay, place)
    this.#bySeq.set(place.seq, place)
    const isKnown = this.#rooms.has(stay.room)
    const room = this.#rooms.get(stay.room) ?? new RedisRoom(stay.room)
    this.#rooms.set(stay.room, room)
    room.wait(place)
    if (this.#isShared) this.#tellStay(place, false, !isKnown)
    else this.#enterAlone(place, room)
  }

  leave(stay: Stay, bye: Bye | undefined): void {
    const place = this.#places.get(stay)
    if (place === undefined) return
    const room = this.#rooms.get(stay.room)
    const wasIn = room?.isIn(place) === true
    this.#forget(place)
    if (this.#isShared)
      this.#ask('leave', stay.room, stay.peer, String(place.seq), flag(bye !== undefined), bye?.rest ?? '')
    else if (wasIn) room.peerLeft(stay.peer)
  }

  found(stay: Stay, clusterId: string): void {
    const place = this.#places.get(stay)
    if (place === undefined) return
    place.request = clusterId
    this.#pursueRequest(place)
  }

  signal(from: Stay, to: string, payload: string): void {
    const place = this.#places.get(from)
    const room = this.#rooms.get(from.room)
    if (place === undefined || room?.isIn(place) !== true) return
    const own = room.placeOf(to)
    const instance = room.instanceOf(to)
    if (own !== undefined) own.stay.tell({ type: 'signal', from: from.peer, payload })
    else if (instance !== undefined && this.#isShared) this.#pass(instance, room.id, from.peer, to, payload)
  }

  get counts(): BackplaneCounts {
    return { rooms: this.#rooms.size, reservations: 0, isShared: this.#isShared }
  }

  async close(): Promise<void> {
    const isShared = this.#isShared
    this.#isShared = false
    this.#createClient = undefined
    if (isShared) await this.#ask('reap', this.#instance)
    this.#link?.close()
    for (const timer of this.#timers.values()) timer.cancel()
  }

  // The link

  #connect(): void {
    if (this.#createClient === undefined) return
    const instance = randomBytes(12).toString('base64url')
    this.#instance = instance
    const options = { createClient: this.#createClient, channel: this.#channelOf(instance) }
    const link: RedisLink = new RedisLink(options, {
      ready: () => this.#beat(link),
      message: (text) => this.#received(text),
      lost: (problem) => this.#lost(problem),
    })
    this.#link = link
    this.#watch(link)
  }

  #beat(link: RedisLink): void {
    void link.run(this.#prefix, this.#instance, this.#settings, 'beat')
    this.#after('beat', this.#leaseMs / BEATS_PER_LEASE, () => this.#beat(link))
  }

  /** A Redis that hangs is lost too: each beat must be heard in time. */
  #watch(link: RedisLink): void {
    this.#after('watch', this.#leaseMs / 2, () => {
      link.close()
      this.#lost('Redis does not answer')
    })
  }

  #beaten(isKnown: boolean): void {
    if (this.#link !== undefined) this.#watch(this.#link)
    if (this.#isShared && isKnown) this.#pursueRequests()
    else this.#tellAll()
  }

  #tellAll(): void {
    this.#options.log('info', 'redis-joined', { stays: this.#places.size })
    this.#isShared = true
    this.#problem = undefined
    this.#cancel('lapse')
    for (const place of this.#places.values()) this.#tellStay(place, true, false)
    const former = this.#toldAs
    this.#toldAs = this.#instance
    if (former !== undefined && former !== this.#instance) this.#ask('reap', former)
    for (const room of this.#rooms.values()) this.#ask('view', room.id)
    this.#pursueRequests()
  }

  #lost(problem: string): void {
    if (problem !== this.#problem) this.#options.log('error', 'redis-lost', { problem })
    this.#problem = problem
    if (this.#isShared) this.#after('lapse', this.#leaseMs, () => this.#forgetOthers())
    this.#isShared = false
    this.#cancel('beat')
    this.#cancel('watch')
    const retryMs = (this.#leaseMs / BEATS_PER_LEASE) * (0.5 + Math.random())
    this.#after('retry', retryMs, () => this.#connect())
    this.#goOnAlone()
  }

  #ask(...args: string[]): Promise<void> | undefined {
    return this.#link?.run(this.#prefix, this.#instance, this.#settings, ...args)
  }

  #tellStay({ stay, seq, sinceMs, claim = '' }: Place, isAgain: boolean, wantsView: boolean): void {
    const { room, peer, token, durable } = stay
    const flags = [flag(isAgain), flag(wantsView)]
    this.#ask('enter', room, peer, String(seq), token, flag(durable), claim, String(sinceMs), ...flags)
  }

  #pass(instance: string, room: string, from: string, to: string, payload: string): void {
    this.#link?.publish(this.#channelOf(instance), JSON.stringify(['signal', room, from, to, payload]))
  }

  #channelOf(instance: string): string {
    return `${this.#prefix}to:${instance}`
  }

  // What Redis tells

  #received(text: string): void {
    if (!handleRedisEvent(text, this.#handlers)) this.#options.log('warn', 'redis-malformed')
  }

  readonly #handlers: RedisEventHandlers = {
    entered: (seq, id, clusterId, view) => {
      const [room, place] = [this.#rooms.get(id), this.#bySeq.get(seq)]
      if (room !== undefined) room.clusterId = clusterId || undefined
      if (view !== false) room?.see(view)
      if (place !== undefined && room?.isIn(place) === false) room.enter(place, this.#instance)
    },
    refused: (seq, code) => this.#refuse(this.#bySeq.get(seq), code),
    replaced: (seq) => this.#replace(this.#bySeq.get(seq)),
    founded: (seq, clusterId) => this.#founded(this.#bySeq.get(seq), clusterId),
    cluster: (id, clusterId) => {
      const room = this.#rooms.get(id)
      if (room !== undefined) room.clusterId = clusterId || undefined
    },
    joined: (id, peer, instance) => this.#rooms.get(id)?.peerJoined(peer, instance),
    moved: (id, peer, instance) => this.#rooms.get(id)?.peerMoved(peer, instance),
    left: (id, peer) => this.#rooms.get(id)?.peerLeft(peer),
    view: (id, clusterId, view) => {
      const room = this.#rooms.get(id)
      if (room === undefined) return
      room.clusterId = clusterId || undefined
      room.see(view)
    },
    signal: (id, from, to, payload) => this.#rooms.get(id)?.placeOf(to)?.stay.tell({ type: 'signal', from, payload }),
    beat: (isKnown) => this.#beaten(isKnown),
  }

  // Stays

  #refuse(place: Place | undefined, code: ErrorCode): void {
    if (place === undefined) return
    this.#forget(place)
    place.stay.refused(code)
  }

  #replace(place: Place | undefined): void {
    if (place === undefined) return
    this.#forget(place)
    place.stay.replaced()
  }

  #founded(place: Place | undefined, clusterId: string): void {
    if (place?.request === undefined) return // answered already, when it was asked once more
    if (place.request === clusterId) place.claim = clusterId
    place.request = undefined
    place.stay.founded(clusterId)
  }

  #forget(place: Place): void {
    const { stay, seq } = place
    const room = this.#rooms.get(stay.room)
    this.#places.delete(stay)
    this.#bySeq.delete(seq)
    room?.remove(place)
    if (room?.isIdle === true) this.#rooms.delete(room.id)
  }

  #pursueRequests(): void {
    for (const place of this.#places.values()) if (place.request !== undefined) this.#pursueRequest(place)
  }

  #pursueRequest(place: Place): void {
    const { stay, seq, request } = place
    const { clusterId } = this.#rooms.get(stay.room) ?? {}
    if (request === undefined) return
    if (this.#isShared) this.#ask('found', stay.room, stay.peer, String(seq), request)
    else if (clusterId !== undefined) this.#founded(place, clusterId)
  }

  // Alone

  #goOnAlone(): void {
    for (const room of this.#rooms.values()) for (const place of room.waiting) this.#enterAlone(place, room)
    this.#pursueRequests()
  }

  #enterAlone(place: Place, room: RedisRoom): void {
    const present = room.placeOf(place.stay.peer)
    const refusal = this.#refusalAlone(place, present, room)
    if (refusal !== undefined) this.#refuse(place, refusal)
    else this.#admitAlone(place, present, room)
  }

  #admitAlone(place: Place, present: Place | undefined, room: RedisRoom): void {
    const { stay } = place
    room.clusterId ??= stay.clusterId
    room.peerJoined(stay.peer, this.#instance)
    room.enter(place, this.#instance)
    this.#replace(present)
  }

  #refusalAlone({ stay }: Place, present: Place | undefined, room: RedisRoom): ErrorCode | undefined {
    const { membersPerRoom, rooms } = this.#options.limits
    if (present !== undefined) return present.stay.token === stay.token ? undefined : 'peer-taken'
    if (room.size >= membersPerRoom) return 'room-full'
    return this.#rooms.size > rooms ? 'too-many-rooms' : undefined
  }

  /** Nobody knows whether they are still there, and no signal reaches them. */
  #forgetOthers(): void {
    for (const room of this.#rooms.values()) room.forgetOthers()
  }

  // Timers

  #after(name: TimerName, delayMs: number, fn: () => void): void {
    this.#cancel(name)
    this.#timers.set(name, this.#options.clock.setTimer(delayMs, fn))
  }

  #cancel(name: TimerName): void {
    this.#timers.get(name)?.cancel()
  }
}

type TimerName = 'beat' | 'watch' | 'retry' | 'lapse'

async function loadRedis(url: string): Promise<() => RedisClient> {
  try {
    const { createClient } = await import('redis')
    return () => createClient({ url, disableOfflineQueue: true, socket: { reconnectStrategy: false } })
  } catch (cause) {
    throw new Error('several instances need the package "redis": npm install redis', { cause })
  }
}

function flag(value: boolean): string {
  return value ? '1' : '0'
}
