import type { PeerId, Platform } from 'legion-mesh'
import { RawConnection, type RawSignal, type WebRtc } from './raw-connection.js'

export interface RawRoomOptions {
  readonly cluster: string
  readonly signaling: string
}

const ID_BYTES = 16
const OPEN_HERE = new Uint8Array(1)
const ASK_MS = 50

/** Bare connections whose signals go over Legion's signaling server: what joining can't be faster than. */
export class RawRoom {
  readonly #options: RawRoomOptions
  readonly #platform: Platform
  readonly #webRtc: WebRtc
  readonly #connections = new Map<PeerId, RawConnection>()
  #rendezvous: ReturnType<Platform['createRendezvous']> | undefined

  /** Connects nothing yet. @param platform its mesh is loaded */
  constructor(options: RawRoomOptions, platform: Platform, webRtc: WebRtc) {
    this.#options = options
    this.#platform = platform
    this.#webRtc = webRtc
  }

  /** Answers whoever dials. Resolves when it is in the room. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.#join(() => resolve()))
  }

  /** Enters, dials who waits in the room, and leaves. @returns how long until the channel was open, in ms */
  async dialOnce(): Promise<number> {
    const startMs = performance.now()
    await this.#dial()
    const tookMs = performance.now() - startMs
    await this.#leave()
    return tookMs
  }

  /** Resolves when the channel is open at both ends, which the other end tells. */
  #dial(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#join(([peer]) => {
        if (peer === undefined) reject(new Error('nobody waits in the room'))
        else this.#connect(peer, true).opened.then(heard).then(resolve, reject)
      })
    })
  }

  async #leave(): Promise<void> {
    await this.#rendezvous?.leave()
    for (const connection of this.#connections.values()) await connection.close()
  }

  #join(entered: (others: readonly PeerId[]) => void): void {
    const { cluster, signaling } = this.#options
    const { runtime } = this.#platform
    const self = toPeerId(runtime.randomBytes(ID_BYTES))
    const key = runtime.randomBytes(ID_BYTES)
    const options = { self, cluster, secret: undefined, urls: [signaling], key, runtime, logger: console }
    this.#rendezvous = this.#platform.createRendezvous(options)
    this.#rendezvous.join(
      { id: self, durable: false, clusterId: undefined },
      {
        joined: ({ peers }) => entered(peers),
        peerJoined: () => {},
        peerLeft: (peer) => this.#left(peer),
        signal: (from, payload) => this.#signalled(from, JSON.parse(new TextDecoder().decode(payload))),
        founded: () => {},
        status: () => {},
      },
    )
  }

  #signalled(from: PeerId, signal: RawSignal): void {
    const connection = this.#connections.get(from) ?? this.#answer(from)
    connection.signal(signal)
  }

  #answer(peer: PeerId): RawConnection {
    const connection = this.#connect(peer, false)
    void connection.opened.then(tellOpen)
    return connection
  }

  #connect(peer: PeerId, offerer: boolean): RawConnection {
    const send = (signal: RawSignal) =>
      void this.#rendezvous?.send(peer, new TextEncoder().encode(JSON.stringify(signal)))
    const connection = new RawConnection({ webRtc: this.#webRtc, offerer, send })
    this.#connections.set(peer, connection)
    return connection
  }

  #left(peer: PeerId): void {
    void this.#connections.get(peer)?.close()
    this.#connections.delete(peer)
  }
}

/** At once, and again if the offerer asks. */
function tellOpen(channel: RTCDataChannel): void {
  channel.onmessage = () => channel.send(OPEN_HERE)
  channel.send(OPEN_HERE)
}

/**
 * Asks after a moment: of a hundred dials in Chromium one loses what the answerer says at once (measured, 156). No sooner,
 * for an answer to who has heard it and leaves may end a process with @roamhq/wrtc (SIGSEGV in its `send`).
 */
function heard(channel: RTCDataChannel): Promise<void> {
  return new Promise((resolve) => {
    const asking = setTimeout(() => channel.send(OPEN_HERE), ASK_MS)
    channel.onmessage = () => {
      clearTimeout(asking)
      resolve()
    }
  })
}

/** In base64url. */
function toPeerId(bytes: Uint8Array): PeerId {
  const text = btoa(String.fromCharCode(...bytes))
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '') as PeerId
}
