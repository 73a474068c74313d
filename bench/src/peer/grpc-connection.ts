import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'

const PREFIX_BYTES = 5
const STREAMS_MAX = 100_000
const WINDOW_BYTES = 16 * 1024 * 1024
const { HTTP2_HEADER_PATH, HTTP2_HEADER_METHOD, HTTP2_HEADER_CONTENT_TYPE, HTTP2_HEADER_TE } = constants

/** The server answered, but not with what was asked for. */
export class GrpcError extends Error {
  /** What the server says to a person. */
  readonly text: string

  constructor(status: string, text: string) {
    super(`A call of gRPC ended with the status ${status}: ${text}`)
    this.text = text
  }
}

/** Unary calls of gRPC on one connection, any number at a time. */
export class GrpcConnection {
  readonly #session: ClientHttp2Session

  static async open(port: number): Promise<GrpcConnection> {
    const session = connect(`http://127.0.0.1:${port}`, { peerMaxConcurrentStreams: STREAMS_MAX })
    await new Promise<void>((resolve, reject) => {
      session.once('remoteSettings', () => resolve())
      session.once('error', reject)
    })
    session.setLocalWindowSize(WINDOW_BYTES)
    return new GrpcConnection(session)
  }

  private constructor(session: ClientHttp2Session) {
    this.#session = session
  }

  /** @returns the answer's message. @throws GrpcError if the status is not OK */
  call(path: string, message: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({
        [HTTP2_HEADER_METHOD]: 'POST',
        [HTTP2_HEADER_PATH]: path,
        [HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
        [HTTP2_HEADER_TE]: 'trailers',
      })
      receive(stream, resolve, reject)
      stream.end(framed(message))
    })
  }

  close(): void {
    this.#session.destroy()
  }
}

function receive(stream: ClientHttp2Stream, resolve: (answer: Uint8Array) => void, reject: (error: Error) => void) {
  const chunks: Buffer[] = []
  let status: unknown
  let text: unknown
  const noteStatus = (headers: Readonly<Record<string, unknown>>) => {
    status = headers['grpc-status'] ?? status
    text = headers['grpc-message'] ?? text
  }
  stream.on('response', noteStatus) // a call that failed may have these only
  stream.on('trailers', noteStatus)
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('error', reject)
  stream.on('end', () => {
    if (status === '0') resolve(Buffer.concat(chunks).subarray(PREFIX_BYTES))
    else reject(new GrpcError(String(status), decodeURIComponent(String(text))))
  })
}

/** Not compressed, and its length. */
function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(PREFIX_BYTES + message.length)
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, PREFIX_BYTES)
  return frame
}
