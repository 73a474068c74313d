import { randomBytes } from 'node:crypto'
import type { PeerId, Platform } from 'legion-mesh'
import { nodePlatform } from 'legion-mesh/node'
import { RawConnection, type RawSignal, type Stack } from './raw-connection.js'

export interface RawRoomOptions {
  readonly stack: Stack
  readonly cluster: string
  readonly signaling: string
}

const ID_BYTES = 16
const OPEN_HERE = new Uint8Array(1)

/** Bare connections whose signals go over Legion's signaling server: what joining can't be faster than. */
export class RawRoom {
  readonly #options: RawRoomOptions
  readonly #platform: Platform
  readonly #connections = new Map<PeerId, Promise<RawConnection>>()
  #rendezvous: ReturnType<Platform['createRendezvous']> | undefined

  /** Loads what is needed, connects nothing. */
  static async create(options: RawRoomOptions): Promise<RawRoom> {
    return new RawRoom(options, await nodePlatform({ webrtc: options.stack }))
  }

  private constructor(options: RawRoomOptions, platform: Platform) {
    this.#options = options
    this.#platform = platform
  }

  /** Answers whoever dials. */
  wait(): void {
    this.#join(() => {})
  }

  /** Resolves when the channel to the one who waits in the room is open at both ends, which the other end tells. */
  dial(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#join(([peer]) => {
        if (peer === undefined) reject(new Error('nobody waits in the room'))
        else this.#connect(peer, true).then(({ opened }) => opened.then(heard).then(resolve), reject)
      })
    })
  }

  async leave(): Promise<void> {
    await this.#rendezvous?.leave()
    for (const connection of this.#connections.values()) await (await connection).close()
  }

  #join(entered: (others: readonly PeerId[]) => void): void {
    const { cluster, signaling } = this.#options
    const { runtime } = this.#platform
    const self = randomBytes(ID_BYTES).toString('base64url') as PeerId
    const key = new Uint8Array(randomBytes(ID_BYTES))
    const options = { self, cluster, secret: undefined, urls: [signaling], key, runtime, logger: console }
    this.#rendezvous = this.#platform.createRendezvous(options)
    this.#rendezvous.join(
      { id: self, durable: false, clusterId: undefined },
      {
        joined: ({ peers }) => entered(peers),
        peerJoined: () => {},
        peerLeft: (peer) => this.#left(peer),
        signal: (from, payload) => void this.#signalled(from, JSON.parse(new TextDecoder().decode(payload))),
        founded: () => {},
        status: () => {},
      },
    )
  }

  async #signalled(from: PeerId, signal: RawSignal): Promise<void> {
    const connection = await (this.#connections.get(from) ?? this.#answer(from))
    connection.signal(signal)
  }

  async #answer(peer: PeerId): Promise<RawConnection> {
    const connection = await this.#connect(peer, false)
    void connection.opened.then((channel) => channel.send(OPEN_HERE))
    return connection
  }

  #connect(peer: PeerId, offerer: boolean): Promise<RawConnection> {
    const send = (signal: RawSignal) =>
      void this.#rendezvous?.send(peer, new TextEncoder().encode(JSON.stringify(signal)))
    const connection = RawConnection.create({ stack: this.#options.stack, offerer, send })
    this.#connections.set(peer, connection)
    return connection
  }

  #left(peer: PeerId): void {
    void this.#connections.get(peer)?.then((connection) => connection.close())
    this.#connections.delete(peer)
  }
}

function heard(channel: RTCDataChannel): Promise<void> {
  return new Promise((resolve) => {
    channel.onmessage = () => resolve()
  })
}
