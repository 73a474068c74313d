import { hostname } from 'node:os'
import { LegionError } from '../base/errors.js'
import { systemCompression } from '../base/system-compression.js'
import { systemRuntime } from '../base/system-runtime.js'
import { consensusCode } from '../consensus-code.js'
import { Mesh } from '../mesh/mesh.js'
import type { Lifecycle, Platform, PlatformStorage } from '../platform.js'
import { createRendezvous } from '../signaling/create-rendezvous.js'
import type { SocketFactory } from '../signaling/socket.js'
import { adaptWebSocket } from '../signaling/web-socket.js'
import { storeNameOf } from '../storage/cluster-stores.js'
import { webrtcConnector } from '../transport/webrtc-connector.js'
import { sharesNetwork, watchInterfaces } from './interfaces.js'
import { levelStorage } from './level-storage.js'
import { findWebRtc, type NodeWebRtc, type NodeWebRtcPackage } from './webrtc.js'

export interface NodePlatformOptions {
  /**
   * Where peers keep their state, one per cluster; made if it is missing. Needs the package `classic-level`. A
   * directory is for one process. Default: none, nothing survives the process.
   */
  readonly directory?: string | undefined
  /** The WebRTC implementation: one by its package's name, or any other itself. Default: the fastest that is installed. */
  readonly webrtc?: NodeWebRtcPackage | NodeWebRtc | undefined
}

/** No signaling server says more at once: a room full of peers with its ICE servers. */
const SIGNALING_FRAME_BYTES_MAX = 1024 * 1024

/**
 * The platform of a Node process: its clock, `ws`, and the WebRTC implementation installed beside this package. An
 * adapter: no logic here.
 * @throws LegionError E_UNSUPPORTED, with the command that installs what is missing
 */
export async function nodePlatform({ directory, webrtc }: NodePlatformOptions = {}): Promise<Platform> {
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
    storage: directory === undefined ? undefined : directoryStorage(directory),
    compression: systemCompression(),
    loadConsensus: () => consensusCode,
    loadMesh: () => Mesh,
    createConnector: () => webrtcConnector({ runtime, stack, wrtc, sharesNetwork }),
    createRendezvous: (options) => createRendezvous({ ...options, openSocket }),
  }
}

/** A process is always in the foreground, and ends by `close`, not by itself. */
const processLifecycle: Lifecycle = {
  visible: true,
  on: (event, listener) => (event === 'wake' ? watchInterfaces(listener as () => void) : () => {}),
}

function directoryStorage(directory: string): PlatformStorage {
  const storage = levelStorage(directory)
  return {
    kind: 'leveldb',
    isDefault: true,
    async open(cluster) {
      const store = await storage.open(storeNameOf(cluster)).catch((error) => explainLock(error, directory))
      return { store, siblings: undefined }
    },
  }
}

function explainLock(error: unknown, directory: string): never {
  if (!LegionError.is(error) || error.code !== 'E_STORAGE_LOCKED') throw error
  const advice = 'Give each process a directory of its own, or close the other one.'
  const problem = `Another process, or another Legion of this one, uses "${directory}" for the same cluster. ${advice}`
  throw new LegionError('E_STORAGE_LOCKED', problem, { cause: error })
}

async function findSocket(): Promise<SocketFactory> {
  const { WebSocket } = await import('ws').catch((cause) => {
    throw new LegionError('E_UNSUPPORTED', 'Signaling in Node needs ws. Run: npm install ws', { cause })
  })
  const options = { maxPayload: SIGNALING_FRAME_BYTES_MAX, perMessageDeflate: false }
  return (url, events) => adaptWebSocket(new WebSocket(url, options), events)
}
