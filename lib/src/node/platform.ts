import { hostname } from 'node:os'
import { LegionError } from '../base/errors.js'
import { systemRuntime } from '../base/system-runtime.js'
import type { Lifecycle, Platform } from '../platform.js'
import { createRendezvous } from '../signaling/create-rendezvous.js'
import type { SocketFactory } from '../signaling/socket.js'
import { adaptWebSocket } from '../signaling/web-socket.js'
import { webrtcConnector } from '../transport/webrtc-connector.js'
import { findWebRtc, type NodeWebRtc, type NodeWebRtcPackage } from './webrtc.js'

export interface NodePlatformOptions {
  /** The WebRTC implementation: one by its package's name, or any other itself. Default: the fastest installed. */
  readonly webrtc?: NodeWebRtcPackage | NodeWebRtc | undefined
}

/** No signaling server says more at once: a room full of peers with its ICE servers. */
const SIGNALING_FRAME_BYTES_MAX = 1024 * 1024

/**
 * The platform of a Node process: its clock, `ws`, and the WebRTC implementation installed beside this package. An
 * adapter: no logic here.
 * @throws LegionError E_UNSUPPORTED, with the command that installs what is missing
 */
export async function nodePlatform({ webrtc }: NodePlatformOptions = {}): Promise<Platform> {
  const [{ stack, wrtc }, openSocket] = await Promise.all([
    typeof webrtc === 'object' ? webrtc : findWebRtc(webrtc),
    findSocket(),
  ])
  const runtime = systemRuntime()
  return {
    kind: 'node',
    runtime,
    host: hostname(),
    lifecycle: processLifecycle,
    createConnector: () => webrtcConnector({ runtime, stack, wrtc }),
    createRendezvous: (options) => createRendezvous({ ...options, openSocket }),
  }
}

/** A process is always in the foreground, and ends by `close`, not by itself. */
const processLifecycle: Lifecycle = {
  visible: true,
  on: () => () => {},
}

async function findSocket(): Promise<SocketFactory> {
  const { WebSocket } = await import('ws').catch((cause) => {
    throw new LegionError('E_UNSUPPORTED', 'Signaling in Node needs ws. Run: npm install ws', { cause })
  })
  const options = { maxPayload: SIGNALING_FRAME_BYTES_MAX, perMessageDeflate: false }
  return (url, events) => adaptWebSocket(new WebSocket(url, options), events)
}
