import type { ClusterId, PeerId } from '../base/ids.js'
import type { Network } from '../mesh/network.js'
import type { Summary } from './announce.js'
import { encodeDissolve } from './entry.js'
import type { Replica } from './replica.js'
import type { Split } from './split.js'
import { peerOf } from './voter-id.js'

export interface DissolutionOptions {
  readonly clusterId: ClusterId
  /** Clusters that this peer was in before, which dissolved, in the end into this one. */
  readonly formerly: readonly ClusterId[]
  readonly network: Network
  /** Of `main`. */
  replica(): Replica | undefined
  tell(peer: PeerId, summary: Summary): void
  /** This cluster ended in favour of another one. */
  dissolved(into: ClusterId): void
  split(split: Split): void
}

const OTHERS_MAX = 64
/** A proposal may get lost. */
const PROPOSE_EVERY_TICKS = 5
/** Who has waited so long for a state that nobody has, goes where there is one. */
const FORSAKEN_TICKS = 100

/**
 * Makes one cluster of two that were founded under one name. Both say what there is of them; the one without commands
 * ends, by an entry of its log that has no effect if a command came before; of two without commands the one with the
 * larger id. If both have commands nobody may decide: `split`.
 *
 * No two clusters ever dissolve into each other: the smaller one does only if the larger one has committed commands, in
 * which case the larger one never can.
 */
export class Dissolution {
  readonly #options: DissolutionOptions
  readonly #others = new Map<ClusterId, { readonly summary: Summary; readonly peer: PeerId }>()
  #told: Summary | undefined
  #ticks = 0
  #forsakenTicks = 0
  #isOver = false

  constructor(options: DissolutionOptions) {
    this.#options = options
  }

  /** A peer was linked, or belongs to another cluster now. */
  met(peer: PeerId): void {
    const summary = this.#summary()
    if (summary !== undefined && this.#isForeign(peer)) this.#options.tell(peer, summary)
  }

  heard(from: PeerId, summary: Summary): void {
    const { clusterId, formerly } = summary
    const { network, tell } = this.#options
    if (clusterId === this.#options.clusterId || (this.#others.size >= OTHERS_MAX && !this.#others.has(clusterId)))
      return
    this.#others.set(clusterId, { summary, peer: from })
    if (formerly.includes(this.#options.clusterId)) {
      this.#end(clusterId)
      return
    }
    const lead = this.#options.replica()?.soft.lead
    const isFirstHand = network.peers.get(from)?.clusterId === clusterId
    if (isFirstHand && lead !== undefined && network.peers.has(peerOf(lead))) tell(peerOf(lead), summary)
    this.#noteSplit(from, summary)
  }

  /** To be called with every tick: something may have changed, here or there. */
  tick(): void {
    const replica = this.#options.replica()
    if (replica === undefined || this.#isOver) return
    this.#ticks++
    this.#tellChanges()
    if (replica.state.dissolvedInto !== undefined) this.#end(replica.state.dissolvedInto)
    else if (replica.isLeader && this.#ticks % PROPOSE_EVERY_TICKS === 0) this.#propose(replica)
    else this.#goWhereAStateIs(replica)
  }

  #isForeign(peer: PeerId): boolean {
    const clusterId = this.#options.network.peers.get(peer)?.clusterId
    return clusterId !== undefined && clusterId !== this.#options.clusterId
  }

  /** Undefined before there is a state. */
  #summary(): Summary | undefined {
    const replica = this.#options.replica()
    if (replica === undefined || !replica.isMember) return undefined
    const { clusterId, formerly } = this.#options
    const hasLeader = replica.soft.lead !== undefined
    return { kind: 'summary', clusterId, isEmpty: replica.state.isEmpty, hasLeader, formerly }
  }

  #tellChanges(): void {
    const summary = this.#summary()
    if (summary?.isEmpty === this.#told?.isEmpty && summary?.hasLeader === this.#told?.hasLeader) return
    this.#told = summary
    for (const peer of this.#options.network.peers.keys()) this.met(peer)
    for (const { summary: other, peer } of this.#others.values()) this.#noteSplit(peer, other)
  }

  #propose(replica: Replica): void {
    if (!replica.state.isEmpty) return
    const into = [...this.#others.values()].find(({ summary }) => this.#yieldsTo(summary))
    if (into !== undefined) replica.propose([encodeDissolve(into.summary.clusterId)])
  }

  #yieldsTo({ clusterId, isEmpty, hasLeader }: Summary): boolean {
    return hasLeader && (!isEmpty || clusterId < this.#options.clusterId)
  }

  #noteSplit(peer: PeerId, { clusterId, isEmpty }: Summary): void {
    if (isEmpty || this.#summary()?.isEmpty !== false) return
    const here = { clusterId: this.#options.clusterId, epoch: undefined }
    this.#options.split({ kind: 'clusters', group: 0, here, there: { clusterId, epoch: undefined }, peer })
  }

  /** Who never was a member has nothing to lose. */
  #goWhereAStateIs(replica: Replica): void {
    const { state, last, soft } = replica
    const waits = state.appliedIndex === 0 && last.index === 0 && soft.lead === undefined
    this.#forsakenTicks = waits ? this.#forsakenTicks + 1 : 0
    const other = [...this.#others.values()].find(({ summary }) => summary.hasLeader)
    if (this.#forsakenTicks >= FORSAKEN_TICKS && other !== undefined) this.#end(other.summary.clusterId)
  }

  #end(into: ClusterId): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.dissolved(into)
  }
}
