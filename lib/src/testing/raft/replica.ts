import { invariant } from '../../base/errors.js'
import { seededRandom } from '../../base/random.js'
import type { LastWords } from '../../raft/adoption.js'
import { type RaftOptions, RawNode } from '../../raft/index.js'
import type { Configuration, Entry, HardState, HostedVote, Ready, Snapshot, VoterId } from '../../raft/types.js'
import { SimulatedDisk } from './disk.js'
import { applyEntry, type Ledger, ledgerOf, snapshotOf } from './ledger.js'

/** What a goodbye may bring along for its first heir. */
const LAST_WORDS_BYTES = 200

/** The options that a simulation varies. */
export type CoreOptions = Partial<Omit<RaftOptions, 'id' | 'random' | 'snapshot' | 'initial'>>

export interface ReplicaOptions {
  readonly id: VoterId
  readonly seed: number
  readonly core: CoreOptions
  /** The state machine stores its state with every write, as those on disk do; else only with snapshots. */
  readonly durableMachine: boolean
}

/** What a replica's owner tells the referee about. */
export interface ReplicaEvents {
  applied(replica: SimulatedReplica, entry: Entry): void
  configured(replica: SimulatedReplica, index: number, configuration: Configuration): void
  installed(replica: SimulatedReplica, snapshot: Snapshot): void
}

/** A RawNode with its owner: a disk, a state machine, and what of both is lost in a crash. */
export class SimulatedReplica {
  readonly id: VoterId
  readonly disk: SimulatedDisk
  /** What the owner knows of the forwarded proposals: ticket to number of the proposals. */
  readonly forwarded = new Map<number, readonly number[]>()
  readonly #options: ReplicaOptions
  readonly #events: ReplicaEvents
  #raw: RawNode | undefined
  #outstanding: Ready | undefined
  #ledger: Ledger
  #configuration: Configuration
  #lives = 0
  #isGone = false

  constructor(options: ReplicaOptions, hardState: HardState, founding: Snapshot, events: ReplicaEvents) {
    this.id = options.id
    this.#options = options
    this.#events = events
    this.disk = new SimulatedDisk(hardState, founding)
    this.#ledger = ledgerOf(founding)
    this.#configuration = founding.configuration
    this.restart()
  }

  /** Undefined while the replica is down. */
  get raw(): RawNode | undefined {
    return this.#raw
  }

  get isUp(): boolean {
    return this.#raw !== undefined
  }

  /** It has said goodbye: under this id nobody ever comes back. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** Whose votes it holds, durably. */
  get hosted(): readonly HostedVote[] {
    return this.disk.hardState.hosted ?? []
  }

  /** A Ready was taken and is not on the disk yet. */
  get isWriting(): boolean {
    return this.#outstanding !== undefined
  }

  /** Durably; of one that is volatile, its memory is its disk. */
  holds(index: number, term: number): boolean {
    const isInMemory = this.#options.core.volatile === true && this.#raw?.term(index) === term
    return isInMemory || this.disk.holds(index, term)
  }

  get ledger(): Ledger {
    return this.#ledger
  }

  get configuration(): Configuration {
    return this.#configuration
  }

  restart(): void {
    this.#lives++
    this.#ledger = ledgerOf(this.disk.checkpoint)
    this.#configuration = this.disk.checkpoint.configuration
    this.#raw = new RawNode({
      ...this.#options.core,
      id: this.id,
      random: seededRandom(this.#options.seed, this.#lives, this.id.charCodeAt(0)),
      snapshot: () => snapshotOf(this.#ledger, this.#configuration),
      initial: this.disk.load(),
    })
  }

  crash(keptWrites: number): void {
    this.#raw = undefined
    this.#outstanding = undefined
    this.forwarded.clear()
    this.disk.crash(keptWrites)
  }

  /** What was not synced is lost, and the rest of no use to anybody. */
  sayGoodbye(isReachable: (id: VoterId) => boolean): LastWords {
    const words = this.#running().goodbye(isReachable, LAST_WORDS_BYTES)
    this.crash(0)
    this.#isGone = true
    return words
  }

  /** The Ready's batch is on its way to the disk. */
  write(): Ready {
    const ready = this.#running().ready()
    const { hardState, snapshot, entries } = ready
    this.disk.write({ hardState, snapshot, entries })
    if (this.#options.core.volatile) this.disk.sync()
    this.#outstanding = ready
    return ready
  }

  /** The batch has arrived there if it had to; the first half of what follows. */
  sync(): Ready {
    const ready = this.#outstanding
    invariant(ready !== undefined, () => `sync of ${this.id} without a write`)
    if (ready.mustSync || ready.snapshot !== undefined) this.disk.sync()
    return ready
  }

  /** The other half. */
  finish(ready: Ready): void {
    if (ready.snapshot !== undefined) this.#install(ready.snapshot)
    for (const entry of ready.committedEntries) this.#apply(entry)
    this.#outstanding = undefined
    this.#running().advance()
    if (this.#options.durableMachine) this.#checkpoint()
  }

  /** Forgets the log but for the last `keep` entries that are applied. */
  compact(keep: number): void {
    const index = this.#ledger.index - keep
    const term = this.#running().term(index)
    if (term === undefined || index < 1) return
    this.#checkpoint({ index, term })
    this.#running().compact(index)
  }

  #running(): RawNode {
    invariant(this.#raw !== undefined, () => `${this.id} is down`)
    return this.#raw
  }

  #checkpoint(base?: { readonly index: number; readonly term: number }): void {
    this.disk.write({ checkpoint: snapshotOf(this.#ledger, this.#configuration), base })
  }

  #install(snapshot: Snapshot): void {
    this.#ledger = ledgerOf(snapshot)
    this.#configuration = snapshot.configuration
    this.#events.installed(this, snapshot)
  }

  /** While the core switches, it may ask for a snapshot: the state is still the one before the entry. */
  #apply(entry: Entry): void {
    this.#events.applied(this, entry)
    if (entry.type === 'config') {
      this.#configuration = this.#running().applyConfigChange(entry)
      this.#events.configured(this, entry.index, this.#configuration)
    }
    this.#ledger = applyEntry(this.#ledger, entry)
  }
}
