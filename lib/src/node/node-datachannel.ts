import type { DataChannel, PeerConnection } from 'node-datachannel'
import type { WebRtcApi } from '../transport/webrtc-connector.js'

/** The parts of a configuration that the library uses. */
interface Configuration {
  readonly iceServers?: readonly RTCIceServer[]
}

/**
 * What a connection takes in before `bufferedAmount` tells of it, where a heartbeat waits behind it; its own default is
 * 1 MiB. Bounds the throughput to this much per round trip.
 */
const SEND_BUFFER_BYTES = 256 * 1024

/**
 * The package node-datachannel, made to behave as others do:
 * - Descriptions are plain objects: simple-peer assigns to their `sdp`, which is read-only otherwise.
 * - A channel's last messages come before its `close`: otherwise a goodbye is lost more often than not.
 * - Bytes go past the events and checks of the polyfill: those are 5 % of a round trip (measured).
 * - Less waits unseen in a connection, for the whole process.
 * - Users and passwords of TURN servers may contain any characters.
 */
export async function loadNodeDataChannel(): Promise<WebRtcApi> {
  const native = await import('node-datachannel')
  native.setSctpSettings({ sendBufferSize: SEND_BUFFER_BYTES })
  const polyfill = await import('node-datachannel/polyfill')

  class RTCPeerConnection extends polyfill.RTCPeerConnection {
    readonly #channels: NativeChannels

    constructor(configuration: Configuration) {
      const iceServers = (configuration.iceServers ?? []).flatMap(nativeIceServers)
      const connection = new native.PeerConnection('legion', { iceServers })
      const channels = new NativeChannels(connection)
      super({ peerConnection: connection })
      this.#channels = channels
      this.addEventListener('datachannel', (event) => {
        channels.shortenWay((event as RTCDataChannelEvent).channel)
      })
    }

    override createDataChannel(label: string, options?: RTCDataChannelInit) {
      const channel = super.createDataChannel(label, options)
      this.#channels.shortenWay(channel)
      return channel
    }

    override async createOffer(): Promise<RTCSessionDescriptionInit> {
      return plain(await super.createOffer())
    }

    override async createAnswer(): Promise<RTCSessionDescriptionInit> {
      return plain(await super.createAnswer())
    }
  }

  const { RTCSessionDescription, RTCIceCandidate } = polyfill
  return { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate }
}

function plain({ type, sdp }: RTCSessionDescriptionInit): RTCSessionDescriptionInit {
  return { type, sdp: sdp ?? '' }
}

/** One URL each, user and password in it. */
function nativeIceServers({ urls, username, credential }: RTCIceServer): string[] {
  const list = typeof urls === 'string' ? [urls] : urls
  if (username === undefined || credential === undefined) return list
  const user = `${encodeURIComponent(username)}:${encodeURIComponent(credential)}@`
  return list.map((url) => url.replace(/^(turns?:)/, `$1${user}`))
}

/** The channels of a connection, as they are given to the polyfill, which makes one of its own around each at once. */
class NativeChannels {
  #latest: NativeChannel | undefined

  constructor(connection: PeerConnection) {
    const { createDataChannel, onDataChannel } = connection
    replace(connection, 'createDataChannel', (label, config) => {
      return this.#add(createDataChannel.call(connection, label, config))
    })
    replace(connection, 'onDataChannel', (listener) => {
      onDataChannel.call(connection, (channel) => listener(this.#add(channel)))
    })
  }

  /** @param outer what the polyfill has just made around the latest channel */
  shortenWay(outer: RTCDataChannel): void {
    this.#latest?.shortenWay(outer)
  }

  #add(channel: DataChannel): DataChannel {
    this.#latest = new NativeChannel(channel)
    return channel
  }
}

class NativeChannel {
  readonly #channel: DataChannel
  #outer: RTCDataChannel | undefined

  /**
   * Events reach JavaScript by one queue per callback; of queues that are full at the same moment the one made first
   * goes first, and once `close` went, the rest is dropped. So the queue for `close` must be made after the one for
   * messages.
   */
  constructor(channel: DataChannel) {
    this.#channel = channel
    const { onClosed, onMessage } = channel
    let closeListener = () => {}
    replace(channel, 'onClosed', (listener) => {
      closeListener = listener
    })
    replace(channel, 'onMessage', (listener) => {
      onMessage.call(channel, (message) => this.#deliver(message) || listener(message))
      onClosed.call(channel, closeListener)
    })
  }

  /** From now on `outer` takes only bytes to send, and only its `onmessage` gets those that come. */
  shortenWay(outer: RTCDataChannel): void {
    this.#outer = outer
    replace(outer, 'send', (message: unknown) => {
      this.#channel.sendMessageBinary(message as Uint8Array)
    })
  }

  /** @returns false if that is left to the polyfill */
  #deliver(message: unknown): boolean {
    if (this.#outer === undefined || !(message instanceof Uint8Array)) return false
    const { buffer, byteOffset, byteLength } = message
    const isAll = byteLength === buffer.byteLength
    const data = isAll ? buffer : buffer.slice(byteOffset, byteOffset + byteLength)
    this.#outer.onmessage?.({ data } as MessageEvent)
    return true
  }
}

/** The methods themselves are read-only in the prototype. */
function replace<T extends object, K extends keyof T>(object: T, method: K, value: T[K]): void {
  Object.defineProperty(object, method, { value })
}
