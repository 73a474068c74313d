import { fromBase64Url } from '../base/bytes.js'
import { type ClusterId, type PeerId, parseClusterId, parsePeerId, type RoomId } from '../base/ids.js'
import type { IceServer } from '../transport/channel.js'
import type { Rest } from './rendezvous.js'

/** The protocol of legion-signaling, as this side writes and reads it: JSON text frames. */
export const PROTOCOL_VERSION = 1

export type ClientMessage =
  | {
      readonly type: 'hello'
      readonly version: typeof PROTOCOL_VERSION
      readonly room: RoomId
      readonly peer: PeerId
      /** Only who shows the same one may take over a PeerId in use. */
      readonly token: string
      readonly durable: boolean
      /** The cluster this peer belongs to. */
      readonly clusterId: ClusterId | undefined
      /** For a server that lets in only whom it knows. */
      readonly credential: string | undefined
    }
  | { readonly type: 'found'; readonly clusterId: ClusterId }
  /** The payload is base64url. */
  | { readonly type: 'signal'; readonly to: PeerId; readonly payload: string }
  | { readonly type: 'ping' }
  /** This peer ends, and with it what it had in memory; with `rest`, on disk too. */
  | { readonly type: 'bye'; readonly rest: Rest | undefined }

export type ServerMessage =
  | {
      readonly type: 'welcome'
      readonly peers: readonly PeerId[]
      readonly iceServers: readonly IceServer[]
      readonly clusterId: ClusterId | undefined
    }
  /** In place of the welcome's, whose credentials end. */
  | { readonly type: 'ice'; readonly iceServers: readonly IceServer[] }
  | { readonly type: 'founded'; readonly clusterId: ClusterId }
  | { readonly type: 'peer-joined'; readonly peer: PeerId }
  | { readonly type: 'peer-left'; readonly peer: PeerId }
  | { readonly type: 'signal'; readonly from: PeerId; readonly payload: Uint8Array }
  | { readonly type: 'error'; readonly code: string }
  | { readonly type: 'pong' }

/** No honest server exceeds these. */
const MAX_FRAME_CHARS = 1024 * 1024
const MAX_PEERS = 4096
const MAX_ICE_SERVERS = 32
const MAX_TEXT_CHARS = 1024

type Fields = Readonly<Record<string, unknown>>

/** What a server's frame says; undefined if it is not of the protocol. Total: servers may be hostile. */
export function parseServerMessage(text: string): ServerMessage | undefined {
  const json = text.length > MAX_FRAME_CHARS ? undefined : parseJson(text)
  return isObject(json) ? PARSERS.get(json['type'])?.(json) : undefined
}

const PARSERS: ReadonlyMap<unknown, (fields: Fields) => ServerMessage | undefined> = new Map([
  ['welcome', parseWelcome],
  ['ice', parseIce],
  ['founded', parseFounded],
  ['peer-joined', (fields) => parsePresence('peer-joined', fields)],
  ['peer-left', (fields) => parsePresence('peer-left', fields)],
  ['signal', parseSignal],
  ['error', parseError],
  ['pong', () => ({ type: 'pong' })],
])

function parseWelcome(fields: Fields): ServerMessage | undefined {
  const peers = listOf(fields['peers'], MAX_PEERS, peerIdOf)
  const iceServers = listOf(fields['iceServers'], MAX_ICE_SERVERS, iceServerOf)
  const clusterId = clusterIdOf(fields['clusterId'])
  const isSound = clusterId !== undefined || fields['clusterId'] === undefined
  if (peers === undefined || iceServers === undefined || !isSound) return undefined
  return { type: 'welcome', peers, iceServers, clusterId }
}

function parseIce(fields: Fields): ServerMessage | undefined {
  const iceServers = listOf(fields['iceServers'], MAX_ICE_SERVERS, iceServerOf)
  return iceServers === undefined ? undefined : { type: 'ice', iceServers }
}

function parseFounded(fields: Fields): ServerMessage | undefined {
  const clusterId = clusterIdOf(fields['clusterId'])
  return clusterId === undefined ? undefined : { type: 'founded', clusterId }
}

function parsePresence(type: 'peer-joined' | 'peer-left', fields: Fields): ServerMessage | undefined {
  const peer = peerIdOf(fields['peer'])
  return peer === undefined ? undefined : { type, peer }
}

function parseSignal(fields: Fields): ServerMessage | undefined {
  const from = peerIdOf(fields['from'])
  const payload = typeof fields['payload'] === 'string' ? fromBase64Url(fields['payload']) : undefined
  return from === undefined || payload === undefined ? undefined : { type: 'signal', from, payload }
}

function parseError(fields: Fields): ServerMessage | undefined {
  const code = fields['code']
  return isText(code) ? { type: 'error', code } : undefined
}

/** Only what `RTCPeerConnection` takes without throwing. */
function iceServerOf(value: unknown): IceServer | undefined {
  if (!isObject(value)) return undefined
  const urls = typeof value['urls'] === 'string' ? [value['urls']] : value['urls']
  const parsed = listOf(urls, MAX_ICE_SERVERS, iceUrlOf)
  if (parsed === undefined) return undefined
  return { urls: parsed, username: textOf(value['username']), credential: textOf(value['credential']) }
}

function iceUrlOf(value: unknown): string | undefined {
  return isText(value) && /^(stun|turn)s?:[^\s]+$/.test(value) ? value : undefined
}

/** Each item parsed; undefined if `value` is no list, is too long or has an unsound item. */
function listOf<T>(value: unknown, maxLength: number, parse: (item: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value) || value.length > maxLength) return undefined
  const items = value.map(parse).filter((item) => item !== undefined)
  return items.length === value.length ? items : undefined
}

function peerIdOf(value: unknown): PeerId | undefined {
  return typeof value === 'string' ? parsePeerId(value) : undefined
}

function clusterIdOf(value: unknown): ClusterId | undefined {
  return typeof value === 'string' ? parseClusterId(value) : undefined
}

function textOf(value: unknown): string | undefined {
  return isText(value) ? value : undefined
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_TEXT_CHARS
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
