import { defer } from '../base/deferred.js'
import { LegionError } from '../base/errors.js'
import type { ClusterId, PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import { kv } from '../machines/kv.js'
import type { AnyMachine } from '../machines/types.js'
import type { MeshFace } from '../mesh/late-mesh.js'
import { isSettled } from '../mesh/settled.js'
import type { Rest } from '../signaling/rendezvous.js'
import type { Store } from '../storage/storage.js'
import { Founding, type Startup } from './founding.js'
import { Group } from './group.js'
import { GroupDirectory, type OpenGroupOptions } from './group-directory.js'
import { MAIN } from './group-registry.js'
import type { GroupEvents, GroupLimits, GroupStatus } from './group-types.js'
import { Groups, type GroupsMetrics, type GroupsOptions, type SiblingStores } from './groups.js'
import { inTime } from './in-time.js'
import { lastPosition } from './orphan.js'
import type { Split } from './split.js'
import { Splits } from './splits.js'

export interface ConsensusOptions<M extends AnyMachine>
  extends Pick<GroupsOptions, 'runtime' | 'rules' | 'admit' | 'timing' | 'durable' | 'deflate' | 'inflate'> {
  readonly mesh: MeshFace
  readonly logger: Logger
  /** Of the group `main`; undefined: `kv`. */
  readonly machine: M | undefined
  readonly startup: Startup
  readonly limits: GroupLimits & Pick<GroupsOptions['limits'], 'snapshotBytes'>
  readonly events: ConsensusEvents
  /** What is to run instead of a machine of the user. */
  prepare<G extends AnyMachine>(machine: G): G
}

/** Of `main`. */
export interface ConsensusEvents
  extends Pick<GroupEvents, 'leader' | 'members' | 'quorum' | 'copies' | 'outdated' | 'ejected' | 'split'> {
  /** Something that no caller waits for went wrong, in whatever group. */
  error(error: LegionError): void
}

/** Whoever has them open agrees to the leaving at once; if nobody has, this peer is removed when somebody opens them. */
const UNOPENED_TIMEOUT_MS = 3_000

/**
 * All of a peer that agrees with others: the group `main`, the groups that its log created, and how this peer comes to
 * belong to a cluster. A part of its own, so that a page can load it after what it shows first.
 */
export class Consensus<M extends AnyMachine> {
  readonly main: Group<M>
  readonly #options: ConsensusOptions<M>
  readonly #groups: Groups
  readonly #directory: GroupDirectory
  readonly #splits = new Splits()
  /** It is known which cluster's state is stored here, if any. */
  readonly #entered = defer()
  #hasLeft = false
  #founding: Founding | undefined

  constructor(options: ConsensusOptions<M>) {
    this.#options = options
    this.#groups = new Groups({
      ...options,
      network: options.mesh,
      isSettled: () => isSettled(options.mesh.status()),
      report: (error) => options.events.error(error),
      dissolved: (into) => this.#moveTo(into),
      split: (split) => this.#onSplit(split),
    })
    this.main = this.#newGroup(options.machine ?? (kv as AnyMachine as M), 0)
    this.#directory = new GroupDirectory({
      main: this.main as unknown as Group<AnyMachine>,
      runtime: options.runtime,
      create: (machine, number) => this.#newGroup(machine, number),
      failed: (error) => options.events.error(error),
      split: (split) => this.#onSplit(split),
    })
    this.#tellEvents()
  }

  get splits(): readonly Split[] {
    return this.#splits.all
  }

  group<G extends AnyMachine>(name: string, machine: G, options: OpenGroupOptions): Promise<Group<G>> {
    return this.#directory.open(name, machine, options)
  }

  /** Of the groups besides `main`, by name. */
  statuses(): Readonly<Record<string, GroupStatus>> {
    return this.#directory.statuses()
  }

  metrics(): GroupsMetrics {
    return this.#groups.metrics()
  }

  /** Of several stores without an owner the one with the most up-to-date log of `main` is the best to go on from. */
  worthOf(store: Store, owner: PeerId | undefined): ReturnType<typeof lastPosition> {
    return lastPosition(store, owner, MAIN)
  }

  /** As `Groups.open`. */
  open(store: Store, siblings: SiblingStores | undefined): Promise<ClusterId | undefined> {
    return this.#groups.open(store, siblings)
  }

  /**
   * Goes on in the cluster whose state is stored here; without one finds out which it is.
   * @param join starts the mesh: it must know the cluster before, and what it says must be heard
   */
  enter(stored: ClusterId | undefined, join: () => void): void {
    if (stored === undefined) this.#findCluster()
    else this.#options.mesh.setClusterId(stored)
    join()
    if (stored !== undefined) this.#belongTo(stored, false)
    this.#entered.resolve()
  }

  /** There will be nothing to enter with. */
  fail(error: unknown): void {
    this.#entered.reject(error)
    this.main.fail(error)
  }

  setVisible(visible: boolean): void {
    this.#groups.setVisible(visible)
  }

  /**
   * Leaves all groups and forgets what is stored, once it is known.
   * @throws LegionError E_TIMEOUT, E_CLOSED; whatever this peer, or its `main`, stopped for
   */
  async leave(timeoutMs: number): Promise<void> {
    const { runtime } = this.#options
    const deadlineMs = runtime.nowMs() + timeoutMs
    await inTime(runtime, this.#entered.promise, timeoutMs, 'The storage of this peer was not open in time.')
    const unopened = await this.#groups.unopened()
    await this.#directory.leaveUnopened(unopened, Math.min(UNOPENED_TIMEOUT_MS, (deadlineMs - runtime.nowMs()) / 3))
    await this.#directory.leaveAll(deadlineMs - runtime.nowMs(), { throws: true })
    await this.#groups.forget()
    this.#hasLeft = true
  }

  /** Where the cluster's state is when this peer ends; undefined: still here, or said by those who have it. */
  get rest(): Rest | undefined {
    const { rest } = this.#groups
    const isNews = this.#hasLeft || (!this.#options.durable && rest === 'nothing')
    return isNews ? rest : undefined
  }

  /** Lets others lead what this peer leads; without durable storage there is no coming back, so it leaves as well. */
  async handOver(timeoutMs: number): Promise<void> {
    if (this.#options.durable) await this.#directory.handOverAll(timeoutMs)
    else await this.#directory.leaveAll(timeoutMs)
  }

  /** Of all groups, to be said by the mesh: nothing is sent or acknowledged after it. */
  lastWords(bytesMax: number): Uint8Array {
    return this.#groups.sayLastWords(bytesMax)
  }

  async close(): Promise<void> {
    this.#entered.reject(new LegionError('E_CLOSED', 'This peer was closed.'))
    this.#founding?.stop()
    this.#directory.close()
    await this.#groups.stop()
  }

  #newGroup<G extends AnyMachine>(machine: G, number: number): Group<G> {
    const { mesh, runtime, logger, limits, prepare } = this.#options
    const self = () => mesh.self.id
    return new Group({ number, machine: prepare(machine), groups: this.#groups, self, runtime, logger, limits })
  }

  #tellEvents(): void {
    const { events } = this.#options
    this.main.on('leader', (peer: PeerId | undefined) => events.leader(peer))
    this.main.on('members', (members) => events.members(members))
    this.main.on('quorum', (has) => events.quorum(has))
    this.main.on('copies', (count) => events.copies(count))
    this.main.on('outdated', (error) => events.outdated(error))
    this.main.on('ejected', (error) => this.#onEjected(error))
    this.main.on('split', (split) => this.#onSplit(split))
    this.main.on('failed', (error) => events.error(error))
  }

  #findCluster(): void {
    const { mesh, runtime, startup } = this.#options
    const decided = (clusterId: ClusterId, isFounder: boolean) => this.#belongTo(clusterId, isFounder)
    const refused = (error: LegionError) => this.main.fail(error)
    this.#founding = new Founding({ mesh, runtime, startup, decided, refused })
  }

  #belongTo(clusterId: ClusterId, isFounder: boolean): void {
    this.#groups.start(clusterId)
    this.main.start(0, isFounder)
  }

  /** The cluster ended in favour of another one of its name, before it agreed on anything. */
  #moveTo(clusterId: ClusterId): void {
    this.#splits.clear()
    this.#options.mesh.setClusterId(clusterId)
    this.#groups.start(clusterId)
    this.main.restart()
  }

  #onSplit(split: Split): void {
    if (this.#splits.note(split)) this.#options.events.split(split)
  }

  #onEjected(error: LegionError): void {
    this.#directory.expel(error)
    this.#options.events.ejected(error)
  }
}
