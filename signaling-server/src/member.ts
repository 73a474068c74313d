import type { Stay, View } from './backplane.js'
import type { ErrorCode, Hello, IceServer, ServerMessage } from './protocol.js'

/** One socket, as the rooms see it. Nothing here throws. */
export interface Client {
  send(message: ServerMessage): void
  /** Says what was wrong with a message; after a few complaints the socket is closed. */
  complain(code: ErrorCode): void
  /** Says why and closes. */
  dismiss(code: ErrorCode): void
}

/** A peer in a room, with its socket at this instance. */
export class Member implements Stay {
  readonly room: string
  readonly peer: string
  readonly token: string
  readonly durable: boolean
  readonly clusterId: string | undefined
  readonly #client: Client
  readonly #iceServers: readonly IceServer[]
  readonly #onEnd: () => void

  /** @param onEnd the stay ended, and not by the client's leaving */
  constructor(hello: Hello, client: Client, iceServers: readonly IceServer[], onEnd: () => void) {
    this.room = hello.room
    this.peer = hello.peer
    this.token = hello.token
    this.durable = hello.durable
    this.clusterId = hello.clusterId
    this.#client = client
    this.#iceServers = iceServers
    this.#onEnd = onEnd
  }

  entered({ peers, clusterId }: View): void {
    this.tell({ type: 'welcome', peers, iceServers: this.#iceServers, clusterId })
  }

  refused(code: ErrorCode): void {
    this.#onEnd()
    this.#client.dismiss(code)
  }

  replaced(): void {
    this.#onEnd() // first, so that its socket's end is not taken for the peer's
    this.#client.dismiss('replaced')
  }

  founded(clusterId: string): void {
    this.tell({ type: 'founded', clusterId })
  }

  tell(message: ServerMessage): void {
    this.#client.send(message)
  }
}
