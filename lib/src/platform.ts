import type { Unsubscribe } from './base/emitter.js'
import type { PeerId } from './base/ids.js'
import type { Logger } from './base/logger.js'
import type { Runtime } from './base/runtime.js'
import type { Compression } from './base/system-compression.js'
import type { ConsensusCode } from './consensus-code.js'
import type { Mesh } from './mesh/mesh.js'
import type { PeerKind } from './mesh/peer-info.js'
import type { Rendezvous } from './signaling/rendezvous.js'
import type { OpenedStore, StoreChoice } from './storage/cluster-stores.js'
import type { Connector } from './transport/channel.js'

/** All of the world that a Legion touches, as one object. The same library runs on a simulated one. */
export interface Platform {
  readonly kind: PeerKind
  readonly runtime: Runtime
  /** The failure domain: equal for tabs of one browser, for processes of one machine. */
  readonly host: string
  readonly lifecycle: Lifecycle
  /** Where peers can keep their state; undefined: nowhere. */
  readonly storage: PlatformStorage | undefined
  /** What snapshots may be compressed with on their way; undefined where there is nothing. */
  readonly compression: Compression | undefined
  /** Where size counts, the code of all that is agreed on is loaded when the first Legion needs it. */
  loadConsensus(): ConsensusCode | Promise<ConsensusCode>
  /** In the same way the code to meet other peers; connectors and rendezvous are made after it. */
  loadMesh(): typeof Mesh | Promise<typeof Mesh>
  createConnector(self: PeerId): Connector
  createRendezvous(options: RendezvousOptions): Rendezvous
}

export interface PlatformStorage {
  readonly kind: 'indexeddb' | 'leveldb' | 'simulated'
  /** Used unless the options say otherwise. */
  readonly isDefault: boolean
  /**
   * Opens what a peer of the cluster kept here that no living peer has open, or something new.
   * @param cluster the cluster's name
   * @param choice which of several to take
   * @throws LegionError E_STORAGE_LOCKED, E_STORAGE; E_UNSUPPORTED where there is no such storage
   */
  open(cluster: string, choice: StoreChoice): Promise<OpenedStore>
}

export interface RendezvousOptions {
  readonly self: PeerId
  /** The cluster's name; with the secret it makes the room. */
  readonly cluster: string
  readonly secret: string | undefined
  readonly urls: readonly string[]
  /** What this peer proves its PeerId with to the servers; of its identity. */
  readonly key: Uint8Array
  /** What this peer shows to servers that let in only whom they know; asked at every hello. Default: nothing. */
  readonly credential?: (() => string | undefined) | undefined
  readonly runtime: Runtime
  readonly logger: Logger
}

/** What happens to the page or process around a Legion. */
export interface Lifecycle {
  /** In the foreground; always true in Node. */
  readonly visible: boolean
  on<K extends keyof LifecycleEvents>(event: K, listener: LifecycleEvents[K]): Unsubscribe
}

export interface LifecycleEvents {
  /** The page goes away now, perhaps into the back/forward cache: time for one message, for nothing asynchronous. */
  hide(): void
  /** The page came back from the back/forward cache. */
  restore(): void
  /** Something suggests that links may have died meanwhile: the network came back, the page woke up. */
  wake(): void
  visibility(visible: boolean): void
}
