import { SimulatedClock } from '../../lib/src/testing/simulated-runtime.js'
import { LocalBackplane, type LocalBackplaneOptions } from '../src/local-backplane.js'
import type { Client } from '../src/member.js'
import type { Bye, ClientMessage, ErrorCode, ServerMessage } from '../src/protocol.js'
import { Rooms } from '../src/rooms.js'

export const WARMUP_MS = 3000
export const GRACE_MS = 5000
export const RESERVATION_MS = 120_000
export const ICE_SERVERS = [{ urls: 'stun:stun.example.org' }]

/** An id of the protocol's form, made from a word. */
export const idOf = (word: string): string => Buffer.from(word.padEnd(16, '.')).subarray(0, 16).toString('base64url')
export const roomOf = (word: string): string => Buffer.from(word.padEnd(32, '.')).toString('base64url')
/** What a peer of that name shows unless told otherwise. */
export const tokenOf = (peer: string): string => idOf(`token ${peer}`)

export interface HelloParts {
  readonly room?: string | undefined
  readonly token?: string | undefined
  readonly durable?: boolean | undefined
  readonly clusterId?: string | undefined
}

export function helloOf(peer: string, parts: HelloParts = {}): ClientMessage & { type: 'hello' } {
  return {
    type: 'hello',
    version: 1,
    room: roomOf(parts.room ?? 'room'),
    peer: idOf(peer),
    token: parts.token ?? tokenOf(peer),
    durable: parts.durable ?? false,
    ...(parts.clusterId === undefined ? {} : { clusterId: idOf(parts.clusterId) }),
  }
}

/** A client without a socket: keeps what it was told. */
export class FakeClient implements Client {
  readonly received: ServerMessage[] = []
  readonly complaints: ErrorCode[] = []
  dismissed: ErrorCode | undefined
  /** The cluster it named last, in its hello or a request. */
  named: string | undefined
  /** The cluster that it named and the server confirmed. */
  claimed: string | undefined

  send(message: ServerMessage): void {
    this.received.push(message)
    const answer = message.type === 'welcome' || message.type === 'founded' ? message.clusterId : undefined
    if (answer !== undefined && answer === this.named) this.claimed = answer
  }

  complain(code: ErrorCode): void {
    this.complaints.push(code)
  }

  dismiss(code: ErrorCode): void {
    this.dismissed = code
  }

  /** What came since the last call. */
  take(): ServerMessage[] {
    return this.received.splice(0)
  }

  all<T extends ServerMessage['type']>(type: T): Extract<ServerMessage, { type: T }>[] {
    return this.received.filter((message): message is Extract<ServerMessage, { type: T }> => message.type === type)
  }

  get founded(): string[] {
    return this.all('founded').map((message) => message.clusterId)
  }
}

/** Rooms of a single instance on a simulated clock. */
export class RoomsBench {
  readonly clock = new SimulatedClock()
  readonly backplane: LocalBackplane
  readonly rooms: Rooms

  constructor(limits: Partial<LocalBackplaneOptions['limits']> = {}) {
    this.backplane = new LocalBackplane({
      clock: this.clock.fork(1),
      warmupMs: WARMUP_MS,
      graceMs: GRACE_MS,
      limits: { membersPerRoom: 10, rooms: 10, reservationMs: RESERVATION_MS, reservations: 10, ...limits },
    })
    this.rooms = new Rooms(this.backplane)
  }

  join(peer: string, parts: HelloParts = {}): FakeClient {
    const client = new FakeClient()
    const hello = helloOf(peer, parts)
    client.named = hello.clusterId
    this.rooms.join(client, hello, ICE_SERVERS)
    return client
  }

  found(client: FakeClient, cluster: string): void {
    client.named = idOf(cluster)
    this.rooms.receive(client, { type: 'found', clusterId: client.named })
  }

  /** It says that it ends; its socket is still there. */
  end(client: FakeClient, rest?: Bye['rest']): void {
    this.rooms.receive(client, { type: 'bye', rest })
  }

  /** What the room of that name belongs to, as a newcomer is told. */
  clusterOf(room = 'room'): string | undefined {
    const visitor = this.join('visitor', { room })
    this.rooms.disconnected(visitor)
    return visitor.all('welcome')[0]?.clusterId
  }
}
