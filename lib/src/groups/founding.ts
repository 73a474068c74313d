import { LegionError } from '../base/errors.js'
import { type ClusterId, newClusterId } from '../base/ids.js'
import { type Runtime, setPeriodicTimer, type Timer } from '../base/runtime.js'
import type { MeshFace } from '../mesh/late-mesh.js'

export type Startup = 'auto' | 'join' | 'found'

export interface FoundingOptions {
  readonly mesh: MeshFace
  readonly runtime: Runtime
  readonly startup: Startup
  /** Called once: this peer now belongs to a cluster, which it founded or not. */
  readonly decided: (clusterId: ClusterId, isFounder: boolean) => void
  /** This peer was to found the cluster, and there is one. */
  readonly refused: (error: LegionError) => void
}

/** The room may have lost its cluster meanwhile, and a question its answer: ask again. */
const ASK_AGAIN_MS = 500

/**
 * Finds out which cluster this peer belongs to: the one of the first linked peer that has one, or, if the room has
 * none, the one that the signaling server lets it found. There is no other way to found one, so two peers that open at
 * once never found two.
 */
export class Founding {
  readonly #options: FoundingOptions
  readonly #own: ClusterId
  readonly #timer: Timer
  readonly #subscriptions: (() => void)[]

  constructor(options: FoundingOptions) {
    const { mesh, runtime } = options
    this.#options = options
    this.#own = newClusterId(runtime)
    this.#timer = setPeriodicTimer(runtime, ASK_AGAIN_MS, () => this.#ask())
    this.#subscriptions = [
      mesh.on('rendezvous', (status) => status === 'joined' && this.#ask()),
      mesh.on('founded', (winner) => this.#founded(winner)),
      mesh.on('peerJoined', (peer) => this.#join(peer.clusterId)),
      mesh.on('peerCluster', (peer) => this.#join(peer.clusterId)),
    ]
  }

  stop(): void {
    this.#timer.cancel()
    for (const unsubscribe of this.#subscriptions) unsubscribe()
  }

  #ask(): void {
    const { mesh, startup } = this.#options
    if (startup !== 'join') mesh.found(this.#own, startup === 'found' ? 'anywhere' : 'first')
  }

  #founded(winner: ClusterId): void {
    if (winner === this.#own) this.#decide(winner, true)
    else if (this.#options.startup === 'found') this.#refuse()
  }

  #join(clusterId: ClusterId | undefined): void {
    if (clusterId === undefined) return
    if (this.#options.startup === 'found') this.#refuse()
    else this.#decide(clusterId, false)
  }

  #refuse(): void {
    this.stop()
    const problem = "The cluster exists already: open it without { startup: 'found' }."
    this.#options.refused(new LegionError('E_SPLIT', problem))
  }

  #decide(clusterId: ClusterId, isFounder: boolean): void {
    this.stop()
    this.#options.mesh.setClusterId(clusterId)
    this.#options.decided(clusterId, isFounder)
  }
}
