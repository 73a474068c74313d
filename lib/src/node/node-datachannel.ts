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
 * - Less waits unseen in a connection, for the whole process.
 * - Users and passwords of TURN servers may contain any characters.
 */
export async function loadNodeDataChannel(): Promise<WebRtcApi> {
  const native = await import('node-datachannel')
  native.setSctpSettings({ sendBufferSize: SEND_BUFFER_BYTES })
  const polyfill = await import('node-datachannel/polyfill')

  class RTCPeerConnection extends polyfill.RTCPeerConnection {
    constructor(configuration: Configuration) {
      const iceServers = (configuration.iceServers ?? []).flatMap(nativeIceServers)
      const connection = new native.PeerConnection('legion', { iceServers })
      super({ peerConnection: deliverBeforeClose(connection) })
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

/**
 * Events reach JavaScript by one queue per callback; of queues that are full at the same moment the one made first goes
 * first, and once `close` went, the rest is dropped. So the queue for `close` must be made after the one for messages.
 */
function deliverBeforeClose(connection: PeerConnection): PeerConnection {
  const { createDataChannel, onDataChannel } = connection
  replace(connection, 'createDataChannel', (label, config) => {
    return closeLast(createDataChannel.call(connection, label, config))
  })
  replace(connection, 'onDataChannel', (listener) => {
    onDataChannel.call(connection, (channel) => listener(closeLast(channel)))
  })
  return connection
}

function closeLast(channel: DataChannel): DataChannel {
  const { onClosed, onMessage } = channel
  let closeListener = () => {}
  replace(channel, 'onClosed', (listener) => {
    closeListener = listener
  })
  replace(channel, 'onMessage', (listener) => {
    onMessage.call(channel, listener)
    onClosed.call(channel, closeListener)
  })
  return channel
}

/** The methods themselves are read-only in the prototype. */
function replace<T extends object, K extends keyof T>(object: T, method: K, value: T[K]): void {
  Object.defineProperty(object, method, { value })
}
