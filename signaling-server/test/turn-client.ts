import { createHash, createHmac, randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

/** Of STUN (RFC 8489) and TURN (RFC 8656). */
const ALLOCATE = 0x0003
const SUCCESS = 0x0103
const MAGIC_COOKIE = 0x2112a442
const USERNAME = 0x0006
const MESSAGE_INTEGRITY = 0x0008
const ERROR_CODE = 0x0009
const REALM = 0x0014
const NONCE = 0x0015
const REQUESTED_TRANSPORT = 0x0019
const UDP = Buffer.from([17, 0, 0, 0])
const HEADER_BYTES = 20

type Attributes = ReadonlyMap<number, Buffer>

/** Asks a TURN server for a relayed address. Returns 'allocated', or the error code of its answer; rejects without one. */
export async function allocate(port: number, username: string, credential: string): Promise<'allocated' | number> {
  const socket = createSocket('udp4')
  try {
    const challenge = await ask(socket, port, new Map([[REQUESTED_TRANSPORT, UDP]]))
    const realm = challenge.attributes.get(REALM) ?? Buffer.alloc(0)
    const nonce = challenge.attributes.get(NONCE) ?? Buffer.alloc(0)
    const key = createHash('md5').update(`${username}:${realm}:${credential}`).digest()
    const attributes = new Map([
      [REQUESTED_TRANSPORT, UDP],
      [USERNAME, Buffer.from(username)],
      [REALM, realm],
      [NONCE, nonce],
    ])
    const answer = await ask(socket, port, attributes, key)
    return answer.type === SUCCESS ? 'allocated' : errorCodeOf(answer.attributes)
  } finally {
    socket.close()
  }
}

async function ask(socket: Socket, port: number, attributes: Attributes, key?: Buffer) {
  const body = Buffer.concat([...attributes].map(([type, value]) => encodeAttribute(type, value)))
  const id = randomBytes(12)
  const message = Buffer.concat([header(body.length, id), body])
  socket.send(key === undefined ? message : sign(message, id, key), port, '127.0.0.1')
  const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(2000) })) as [Buffer]
  return { type: answer.readUInt16BE(0), attributes: decodeAttributes(answer.subarray(HEADER_BYTES)) }
}

function header(bodyBytes: number, id: Buffer): Buffer {
  const start = Buffer.alloc(8)
  start.writeUInt16BE(ALLOCATE, 0)
  start.writeUInt16BE(bodyBytes, 2)
  start.writeUInt32BE(MAGIC_COOKIE, 4)
  return Buffer.concat([start, id])
}

/** The signed length counts the signature in. */
function sign(message: Buffer, id: Buffer, key: Buffer): Buffer {
  const body = message.subarray(HEADER_BYTES)
  const signed = Buffer.concat([header(body.length + 24, id), body])
  return Buffer.concat([signed, encodeAttribute(MESSAGE_INTEGRITY, createHmac('sha1', key).update(signed).digest())])
}

function encodeAttribute(type: number, value: Buffer): Buffer {
  const start = Buffer.alloc(4)
  start.writeUInt16BE(type, 0)
  start.writeUInt16BE(value.length, 2)
  return Buffer.concat([start, value, Buffer.alloc(-value.length & 3)])
}

function decodeAttributes(body: Buffer): Attributes {
  const attributes = new Map<number, Buffer>()
  for (let at = 0; at + 4 <= body.length; ) {
    const length = body.readUInt16BE(at + 2)
    attributes.set(body.readUInt16BE(at), body.subarray(at + 4, at + 4 + length))
    at += 4 + length + (-length & 3)
  }
  return attributes
}

function errorCodeOf(attributes: Attributes): number {
  const value = attributes.get(ERROR_CODE)
  return value === undefined ? 0 : (value[2] ?? 0) * 100 + (value[3] ?? 0)
}
