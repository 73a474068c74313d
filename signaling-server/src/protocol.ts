import * as v from 'valibot'

/** The protocol: JSON text frames over WebSocket. The server speaks exactly this version. */
export const PROTOCOL_VERSION = 1

/** 128 bits in base64url without padding; the last character carries only two of them. */
const id = v.pipe(v.string(), v.regex(/^[\w-]{21}[AQgw]$/))
/** 256 bits in base64url: a hash of the cluster's name and secret. */
const room = v.pipe(v.string(), v.regex(/^[\w-]{42}[AEIMQUYcgkosw048]$/))
const payload = v.pipe(v.string(), v.regex(/^[\w-]+$/))

const hello = v.object({
  type: v.literal('hello'),
  version: v.literal(PROTOCOL_VERSION),
  room,
  peer: id,
  /** Drawn by the peer for this server: whoever shows it again is who held the id before. */
  token: id,
  /** True if the peer's state survives a restart. */
  durable: v.boolean(),
  /** The cluster that the peer belongs to already. */
  clusterId: v.optional(id),
  /** For the server's `authorize`. */
  credential: v.optional(v.pipe(v.string(), v.maxLength(8192))),
})

/** Asks to found the cluster `clusterId`, or claims to belong to it. */
const found = v.object({ type: v.literal('found'), clusterId: id })

/** For one peer of the room; the payload is opaque here. */
const signal = v.object({ type: v.literal('signal'), to: id, payload })

const ping = v.object({ type: v.literal('ping') })

/** The peer ends, and with it what it had in memory: it is not to be waited for. */
const bye = v.object({
  type: v.literal('bye'),
  /**
   * What it had of the cluster's state is gone for good, from its disk too. Where the state still is: on `disks`, in
   * `memory` only, `nothing` is left of it, or that is `unknown`.
   */
  rest: v.optional(v.picklist(['disks', 'memory', 'nothing', 'unknown'])),
})

export const clientMessage = v.variant('type', [hello, found, signal, ping, bye])

/** A hello of any version, told apart so that its sender learns why it is refused. */
export const anyHello = v.object({ type: v.literal('hello'), version: v.number() })

/** The same shape as the platform's RTCIceServer. */
export const iceServers = v.array(
  v.object({
    urls: v.union([v.string(), v.array(v.string())]),
    username: v.optional(v.string()),
    credential: v.optional(v.string()),
  }),
)

export type Hello = v.InferOutput<typeof hello>
export type Bye = v.InferOutput<typeof bye>
export type ClientMessage = v.InferOutput<typeof clientMessage>
export type IceServer = v.InferOutput<typeof iceServers>[number]

export type ServerMessage =
  | {
      readonly type: 'welcome'
      /** The others in the room. */
      readonly peers: readonly string[]
      readonly iceServers: readonly IceServer[]
      /** The room's cluster, if one was founded. */
      readonly clusterId?: string | undefined
    }
  /** Takes the place of the welcome's: its credentials end. */
  | { readonly type: 'ice'; readonly iceServers: readonly IceServer[] }
  | { readonly type: 'founded'; readonly clusterId: string }
  /** Comes again when the peer is back on another socket: signals to it may have been lost. */
  | { readonly type: 'peer-joined'; readonly peer: string }
  | { readonly type: 'peer-left'; readonly peer: string }
  | { readonly type: 'signal'; readonly from: string; readonly payload: string }
  | { readonly type: 'error'; readonly code: ErrorCode }
  | { readonly type: 'pong' }

export type ErrorCode =
  /** Not a message of this protocol. After a few the server closes. */
  | 'malformed'
  /** A hello came before, on the same socket. */
  | 'already-joined'
  /** Only `hello` and `ping` may come before the welcome. */
  | 'not-joined'
  // The server closes after each of these.
  | 'version'
  | 'unauthorized'
  | 'peer-taken'
  | 'room-full'
  | 'too-many-rooms'
  | 'rate-limited'
  | 'idle'
  | 'replaced'

let lastMessage: ServerMessage | undefined
let lastText = ''

/** A message to many comes as the same object for one after the other, and is encoded once. */
export function encodeMessage(message: ServerMessage): string {
  if (message !== lastMessage) {
    lastMessage = message
    lastText = JSON.stringify(message)
  }
  return lastText
}
