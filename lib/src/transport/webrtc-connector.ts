import type { Runtime } from '../base/runtime.js'
import type { Connector } from './channel.js'
import { loadNegotiation, WebRtcChannel } from './webrtc-channel.js'
import type { WebRtcApi } from './webrtc-negotiation.js'
import type { SharesNetwork } from './webrtc-quirks.js'

export type { WebRtcApi } from './webrtc-negotiation.js'

export interface WebRtcConnectorOptions {
  readonly runtime: Runtime
  /** Name of the WebRTC implementation; peers tell it each other. In browsers `browserStack(navigator.userAgent)`. */
  readonly stack: string
  /** The implementation itself; default: the browser's. In Node `findWebRtc()` gives stack and wrtc. */
  readonly wrtc?: WebRtcApi | undefined
  /** Given where failed dials are repeated: pairs of node-datachannel connect more quickly where it is true. */
  readonly sharesNetwork?: SharesNetwork | undefined
}

/** Channels over WebRTC, in browsers and in Node. Loads the code to connect meanwhile: peers are looked for first. */
export function webrtcConnector({ runtime, stack, wrtc, sharesNetwork }: WebRtcConnectorOptions): Connector {
  loadNegotiation().catch(() => {}) // the first `connect` tries again, and tells
  return {
    stack,
    connect: (_peer, offerer, signal, { iceServers }) =>
      new WebRtcChannel({ runtime, offerer, signal, iceServers, stack, wrtc, sharesNetwork }),
  }
}

/** The WebRTC implementation of the browser with this `navigator.userAgent`: `firefox`, `safari` or `chromium`. */
export function browserStack(userAgent: string): string {
  if (/firefox\//i.test(userAgent)) return 'firefox'
  if (/applewebkit\//i.test(userAgent) && !/chrom(e|ium)\//i.test(userAgent)) return 'safari'
  return 'chromium'
}
