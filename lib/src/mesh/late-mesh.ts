import type { Unsubscribe } from '../base/emitter.js'
import type { ClusterId, PeerId } from '../base/ids.js'
import type { FoundingPlace, Rest } from '../signaling/rendezvous.js'
import type { Mesh, MeshEvents, MeshOptions, MeshSelf } from './mesh.js'
import type { MeshStatus } from './mesh-status.js'
import type { PeerInfo, PeerStatus } from './peer-info.js'
import type { Port, PortHandlers, PortName } from './port.js'

/** What a mesh looks like from above, whether its code is here or not. */
export type MeshFace = Pick<Mesh, keyof Mesh>

const NOBODY: ReadonlyMap<PeerId, PeerStatus> = new Map()
const NO_STATUS: MeshStatus = {
  rendezvous: 'connecting',
  problem: undefined,
  clusterId: undefined,
  peers: {},
  malformed: 0,
  droppedSignals: 0,
  refused: 0,
  relay: { relayed: 0, dropped: 0, broadcasts: 0, repeated: 0 },
}

/**
 * A mesh whose code is still being loaded, where a page loads it after what it shows first. Nothing happens in a mesh
 * before `start`, so nothing can be missed: what is asked of it meanwhile is done, in order, when the code is here.
 */
export class LateMesh implements MeshFace {
  /** Resolves when the code is here. A rejection is told to whoever awaits it. */
  readonly whole: Promise<void>
  readonly #self: PeerInfo
  #inner: Mesh | undefined
  #requests: ((inner: Mesh) => void)[] = []
  #isFinished = false

  constructor(options: MeshOptions, code: Promise<typeof Mesh>) {
    this.#self = { ...options.self, stack: '' }
    this.whole = code.then((Code) => {
      if (!this.#isFinished) this.#come(new Code(options))
    })
    this.whole.catch(() => {})
  }

  get self(): PeerInfo {
    return this.#inner?.self ?? this.#self
  }

  get peers(): ReadonlyMap<PeerId, PeerStatus> {
    return this.#inner?.peers ?? NOBODY
  }

  get links(): ReadonlyMap<PeerId, PeerStatus> {
    return this.#inner?.links ?? NOBODY
  }

  get clusterId(): ClusterId | undefined {
    return this.#inner?.clusterId
  }

  start(known?: Partial<MeshSelf>): void {
    this.#whenHere((inner) => inner.start(known))
  }

  setClusterId(clusterId: ClusterId): void {
    this.#whenHere((inner) => inner.setClusterId(clusterId))
  }

  found(clusterId: ClusterId, where?: FoundingPlace): void {
    this.#inner?.found(clusterId, where)
  }

  prefer(peers: Iterable<PeerId>): void {
    this.#whenHere((inner) => inner.prefer(peers))
  }

  openPort(name: PortName, handlers: PortHandlers): Port {
    let port: Port | undefined
    this.#whenHere((inner) => {
      port = inner.openPort(name, handlers)
    })
    return {
      send: (to, payload) => port?.send(to, payload) ?? 'no-link',
      broadcast: (payload) => port?.broadcast(payload),
      queuedBytes: (to) => port?.queuedBytes(to) ?? 0,
    }
  }

  on<K extends keyof MeshEvents>(event: K, listener: MeshEvents[K]): Unsubscribe {
    let unsubscribe: Unsubscribe = () => {}
    let isWanted = true
    this.#whenHere((inner) => {
      if (isWanted) unsubscribe = inner.on(event, listener)
    })
    return () => {
      isWanted = false
      unsubscribe()
    }
  }

  peerEnded(peer: PeerId): void {
    this.#inner?.peerEnded(peer)
  }

  suspectAll(): void {
    this.#inner?.suspectAll()
  }

  goodbye(payload?: Uint8Array, rest?: Rest): void {
    this.#isFinished = true
    this.#inner?.goodbye(payload, rest)
  }

  async close(): Promise<void> {
    this.#isFinished = true
    await this.#inner?.close()
  }

  status(): MeshStatus {
    return this.#inner?.status() ?? NO_STATUS
  }

  #come(inner: Mesh): void {
    this.#inner = inner
    const requests = this.#requests
    this.#requests = []
    for (const request of requests) request(inner)
  }

  #whenHere(request: (inner: Mesh) => void): void {
    if (this.#inner === undefined) this.#requests.push(request)
    else request(this.#inner)
  }
}
