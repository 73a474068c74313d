/// <reference lib="esnext.disposable" preserve="true" />
import type * as Y from 'yjs'
import type { AgreedDocument } from './agreed/agreed-document.js'
import { AgreedDocuments } from './agreed/agreed-documents.js'
import { defer, whenHere } from './base/deferred.js'
import { Emitter, type Unsubscribe } from './base/emitter.js'
import { LegionError } from './base/errors.js'
import type { ClusterId, PeerId } from './base/ids.js'
import { type Logger, silentLogger } from './base/logger.js'
import type { PayloadArgs } from './base/payload-args.js'
import type { ConsensusCode } from './consensus-code.js'
import type { LegionDocument } from './docs/document.js'
import type { KeptDocuments } from './docs/document-store.js'
import { Documents } from './docs/documents.js'
import type { Recovery } from './groups/announce.js'
import type { Consensus } from './groups/consensus.js'
import type { Group } from './groups/group.js'
import type { OpenGroupOptions } from './groups/group-directory.js'
import type { GroupMember } from './groups/group-types.js'
import type { ProposeOptions } from './groups/proposals.js'
import type { RosterOptions } from './groups/roster-commands.js'
import type { PinnedRole } from './groups/roster-entry.js'
import { type Identity, loadIdentity, newIdentity, ownerOf } from './identity.js'
import {
  consensusEvents,
  createConsensus,
  createMesh,
  defaultPlatform,
  leaveInTime,
  loadCode,
  meshErrors,
  nameOf,
  notLoadedError,
  readyInTime,
  subscribeLater,
} from './legion-parts.js'
import type { LegionEvents, LegionStatus } from './legion-types.js'
import type { kv } from './machines/kv.js'
import type {
  AnyMachine,
  CommandName,
  CommandOutput,
  CommandPayload,
  Frozen,
  QueryAnswer,
  QueryName,
  QueryPayload,
  StateOf,
} from './machines/types.js'
import type { MeshFace } from './mesh/late-mesh.js'
import type { PeerInfo, PeerStatus } from './mesh/peer-info.js'
import { Messaging } from './messaging/messaging.js'
import type {
  BroadcallOptions,
  BroadcastOptions,
  CallOptions,
  MessageAnswer,
  MessageName,
  MessagePayload,
  Messages,
  Settled,
} from './messaging/types.js'
import type { Metric } from './metrics.js'
import { chooseStorage, type LegionOptions, type ResolvedOptions, resolveOptions } from './options.js'
import type { Platform, PlatformStorage } from './platform.js'
import type { Store } from './storage/storage.js'

/** Of the 4 KiB that a page that goes away can still send, less what the mesh adds. */
const LAST_WORDS_BYTES_MAX = 3_900
const DEFAULT_DOCUMENT = 'main'
const HANDOVER_TIMEOUT_MS = 1_500
const LEAVE_TIMEOUT_MS = 10_000

/** Where the platform does not know the symbol yet, the method has a name that nobody calls. */
const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')

/**
 * One peer of a cluster, and all that most programs need: documents that change at once (`applyFast`), a replicated
 * state machine (`applyConsistent`, `read`, `state`), messages (`cast`, `call`, `broadcast`, `broadcall`).
 *
 * `M` is the machine, `H` the handlers; both are inferred from the options.
 */
export class Legion<M extends AnyMachine = typeof kv, H = unknown> {
  readonly #platform: Platform
  readonly #options: ResolvedOptions
  readonly #logger: Logger
  readonly #mesh: MeshFace
  readonly #messages: Messages<H>
  readonly #messaging: Messaging<Legion<M>>
  readonly #documents: Documents
  readonly #agreedDocuments: AgreedDocuments
  /** Undefined until its code is loaded, which takes no time but in a page. */
  #consensus: Consensus<M> | undefined
  #collectMetrics: ConsensusCode['collectMetrics'] | undefined
  readonly #loading: Promise<Consensus<M>>
  readonly #storage: PlatformStorage | undefined
  readonly #store = defer<Store>()
  /** Of a new peer, until storage knows better. */
  #identity: Identity
  readonly #events: Emitter<LegionEvents>
  readonly #subscriptions: Unsubscribe[]
  readonly #clusterName: string
  readonly #givenName: string | undefined
  #isClosed = false

  /**
   * Joins the cluster, founding it if there is none, and waits until its state is here.
   * @throws LegionError E_INVALID, E_UNSUPPORTED, E_MACHINE, E_OUTDATED; E_TIMEOUT if there is no state within
   *   `timing.joinTimeoutMs`; nothing is left open then
   */
  static async join<M extends AnyMachine = typeof kv, H = unknown>(
    options: LegionOptions<M, H, Legion<M>>,
  ): Promise<Legion<M, H>> {
    const legion = Legion.open(options)
    try {
      await readyInTime(legion.ready, legion.#options.joinTimeoutMs, legion.#platform.runtime, legion.#mesh)
      return legion
    } catch (error) {
      legion.#shutDown()
      throw error
    }
  }

  /**
   * The same without waiting: documents and messages work at once, offline too; `ready` tells when the state is here.
   * @throws LegionError E_INVALID, E_UNSUPPORTED
   */
  static open<M extends AnyMachine = typeof kv, H = unknown>(options: LegionOptions<M, H, Legion<M>>): Legion<M, H> {
    return new Legion(options)
  }

  private constructor(options: LegionOptions<M, H, Legion<M>>) {
    this.#options = resolveOptions(options)
    this.#platform = options.platform ?? defaultPlatform()
    this.#logger = options.logger ?? silentLogger
    this.#clusterName = options.cluster
    this.#givenName = options.name
    this.#events = new Emitter((error, event) => this.#logger.error(`A listener of "${event}" threw.`, error))
    this.#storage = chooseStorage(options.storage, this.#platform.storage)
    const { runtime } = this.#platform
    this.#identity = newIdentity(runtime)
    this.#mesh = createMesh(options, this.#options, {
      platform: this.#platform,
      logger: this.#logger,
      identity: () => this.#identity,
      durable: this.#storage !== undefined,
    })
    const world = { network: this.#mesh, runtime, logger: this.#logger }
    const { messagingLimits: limits, documentLimits } = this.#options
    this.#messaging = new Messaging({ ...world, limits, handlers: options.handlers, context: this })
    this.#messages = this.#messaging.typed<H>()
    const kept = { store: this.#storage && this.#store.promise, failed: this.#report }
    this.#documents = new Documents({ ...world, ...kept, settings: options.documents, limits: documentLimits })
    const code = loadCode(this.#platform, this.#mesh, (cause) => this.#goOnWithout(cause))
    const agreed = { self: () => this.#mesh.self.id, group: this.group.bind(this), ...this.#options.groupLimits }
    const agreements = whenHere(code, ({ Agreements }) => new Agreements({ ...world, ...agreed }))
    this.#agreedDocuments = new AgreedDocuments(this.#documents, agreements)
    this.#subscriptions = this.#subscribeAll(options.signal)
    this.#loading = this.#load(options, code)
    this.#loading.catch(() => {}) // whoever needs it is told
  }

  // --- who

  get self(): PeerInfo {
    return this.#mesh.self
  }

  /** Peers with a direct link, by id. */
  get peers(): ReadonlyMap<PeerId, PeerStatus> {
    return this.#mesh.peers
  }

  /** Who has a copy of the state, with their roles. */
  get members(): readonly GroupMember[] {
    return this.#consensus?.main.members ?? []
  }

  get leader(): PeerId | undefined {
    return this.#consensus?.main.leader
  }

  /** `id` is undefined until the cluster is found or founded. */
  get cluster(): { readonly name: string; readonly id: ClusterId | undefined } {
    return { name: this.#clusterName, id: this.#mesh.clusterId }
  }

  // --- consistent

  /** Resolves when the state is here. @throws LegionError E_MACHINE, E_OUTDATED, E_CLOSED */
  get ready(): Promise<void> {
    return this.#agreed(({ main }) => main.ready)
  }

  /**
   * Runs a command of the machine: linearizable, exactly once. Settles with what it returned, when a majority has it
   * and it is applied here.
   * @throws LegionError; its `outcome` tells whether the command may still have an effect
   */
  applyConsistent<K extends CommandName<M>>(
    name: K,
    ...args: PayloadArgs<CommandPayload<M, K>, ProposeOptions>
  ): Promise<CommandOutput<M, K>> {
    return this.#agreed(({ main }) => main.applyConsistent(name, ...args))
  }

  /**
   * The group that `applyConsistent`, `read` and `state` are about, for what it can do besides: `log`, `snapshot`, …
   * @throws LegionError E_NOT_READY in a page that has not loaded the code for it yet; never after `ready`
   */
  get main(): Group<M> {
    if (this.#consensus !== undefined) return this.#consensus.main
    throw new LegionError('E_NOT_READY', 'The state is not here yet: await legion.ready first, or use Legion.join.')
  }

  /** Asks a query of a state at least as new as everything that was finished before. */
  read<K extends QueryName<M>>(
    name: K,
    ...args: PayloadArgs<QueryPayload<M, K>, ProposeOptions>
  ): Promise<QueryAnswer<M, K>> {
    return this.#agreed(({ main }) => main.read(name, ...args))
  }

  /** Asks a query of the state that is here, at once; it may be old. @throws LegionError E_NOT_READY */
  peek<K extends QueryName<M>>(name: K, ...args: PayloadArgs<QueryPayload<M, K>>): QueryAnswer<M, K> {
    return this.main.peek(name, ...args)
  }

  /** The committed state that is here, frozen. @throws LegionError E_NOT_READY */
  get state(): Frozen<StateOf<M>> {
    return this.main.state
  }

  /** Calls `listener` with the selected part of the state, now if it is here, and whenever it changes. */
  subscribe<T>(selector: (state: Frozen<StateOf<M>>) => T, listener: (selected: T) => void): Unsubscribe {
    const begin = ({ main }: Consensus<M>) => main.subscribe(selector, listener)
    return this.#consensus === undefined ? subscribeLater(this.#loading, begin) : begin(this.#consensus)
  }

  /**
   * Opens another group with a machine of its own, creating it if the cluster has none of that name. Resolves when its
   * state is here; the same object for the same name.
   * @param name 1 to 100 characters
   * @throws LegionError E_MACHINE if the group runs another machine; E_TIMEOUT, E_NO_QUORUM, E_CLOSED
   */
  group<G extends AnyMachine>(name: string, machine: G, options: OpenGroupOptions = {}): Promise<Group<G>> {
    return this.#agreed((consensus) => consensus.group(name, machine, options))
  }

  // --- fast

  /** `recover` of `main`: a new beginning when its quorum is lost for good. */
  recover(options?: Parameters<Group<M>['recover']>[0]): Promise<Recovery> {
    return this.#agreed(({ main }) => main.recover(options))
  }

  /**
   * Opens a document; the same object for the same name.
   * @param name default `main`
   * @param options agreed: true for one whose changes can go through a group, as transactions too
   */
  doc(name: string, options: { readonly agreed: true }): AgreedDocument
  doc(name?: string): LegionDocument
  doc(name: string = DEFAULT_DOCUMENT, { agreed = false } = {}): LegionDocument {
    return agreed ? this.#agreedDocuments.open(name) : this.#documents.open(name)
  }

  /** What is kept of documents here, with storage: whatever was opened, whether it is open or not. */
  get documents(): KeptDocuments {
    return this.#documents.kept
  }

  /** Changes the default document, here at once and everywhere soon. Returns what `change` returns. */
  applyFast<T>(change: (doc: Y.Doc) => T): T {
    return this.doc().applyFast(change)
  }

  // --- messages

  /** Sends without waiting for anything. @throws LegionError if it certainly was not sent */
  cast<K extends MessageName<H>>(peer: PeerId, name: K, ...args: PayloadArgs<MessagePayload<H[K]>>): void {
    this.#messages.cast(peer, name, ...args)
  }

  /** What the handler at `peer` answers, or an error that says what happened. */
  call<K extends MessageName<H>>(
    peer: PeerId,
    name: K,
    ...args: PayloadArgs<MessagePayload<H[K]>, CallOptions>
  ): Promise<MessageAnswer<H[K]>> {
    return this.#messages.call(peer, name, ...args)
  }

  /** Casts to every other peer. */
  broadcast<K extends MessageName<H>>(name: K, ...args: PayloadArgs<MessagePayload<H[K]>, BroadcastOptions>): void {
    this.#messages.broadcast(name, ...args)
  }

  /** Calls every other peer; settles when each has answered or failed. */
  broadcall<K extends MessageName<H>>(
    name: K,
    ...args: PayloadArgs<MessagePayload<H[K]>, BroadcallOptions>
  ): Promise<Map<PeerId, Settled<MessageAnswer<H[K]>>>> {
    return this.#messages.broadcall(name, ...args)
  }

  /** The same messages, typed for peers whose handlers are `Other`. */
  messages<Other>(): Messages<Other> {
    return this.#messaging.typed<Other>()
  }

  // --- the roster: as the methods of the group `main`

  /** Removes a peer from the cluster for good: it gets `ejected`, all that it does fails with E_EJECTED. */
  eject(member: PeerId, options?: RosterOptions): Promise<void> {
    return this.#agreed(({ main }) => main.eject(member, options))
  }

  /** Takes an ejection back: the peer may come again. */
  readmit(peer: PeerId, options?: RosterOptions): Promise<void> {
    return this.#agreed(({ main }) => main.readmit(peer, options))
  }

  setRole(member: PeerId, role: PinnedRole, options?: RosterOptions): Promise<void> {
    return this.#agreed(({ main }) => main.setRole(member, role, options))
  }

  transferLeadership(member: PeerId, options?: RosterOptions): Promise<void> {
    return this.#agreed(({ main }) => main.transferLeadership(member, options))
  }

  // --- life

  on<K extends keyof LegionEvents>(event: K, listener: LegionEvents[K]): Unsubscribe {
    return this.#events.on(event, listener)
  }

  /** Everything there is to know about this peer, as plain data. */
  status(): LegionStatus {
    const { self, cluster, leader } = this
    const consensus = this.#consensus
    const storage = this.#storage?.kind ?? 'memory'
    const [mesh, main] = [this.#mesh.status(), consensus?.main.status()]
    const { isReady = false } = consensus?.main ?? {}
    const [groups, splits] = [consensus?.statuses() ?? {}, consensus?.splits ?? []]
    return { self, cluster, storage, isReady, mesh, main, groups, leader, splits }
  }

  /**
   * All that is counted, as plain data that fits Prometheus. Costs nothing while nobody calls it. Empty in a page that
   * has not loaded the code for it yet; never after `ready`.
   */
  metrics(): readonly Metric[] {
    const [messages, documents] = [this.#messaging.metrics(), this.#documents.metrics()]
    const [status, groups] = [this.status(), this.#consensus?.metrics()]
    return (groups && this.#collectMetrics?.({ status, messages, documents, groups })) ?? []
  }

  /**
   * Leaves for good: hands over what it leads, waits until the others have removed it, closes. What is stored here has
   * to be open before.
   * @throws LegionError E_TIMEOUT if that was not done in time; it is closed all the same. E_STORAGE, E_CLOSED
   */
  async leave({ timeoutMs = LEAVE_TIMEOUT_MS }: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    try {
      await leaveInTime(this.#storage ? this.#loading : this.#consensus, timeoutMs, this.#platform.runtime)
    } finally {
      await this.#shutDown()
    }
  }

  /** Closes for now. Without durable storage there is no coming back, so it hands over first, for a short time. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    await this.#consensus?.handOver(HANDOVER_TIMEOUT_MS)
    await this.#shutDown()
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  // --- wiring

  async #load(options: LegionOptions<M, H, Legion<M>>, loaded: ReturnType<typeof loadCode>): Promise<Consensus<M>> {
    // Awaited only where it has to be: elsewhere a Legion is whole as soon as it is opened.
    const code = loaded instanceof Promise ? await loaded : loaded
    if (this.#isClosed) throw new LegionError('E_CLOSED', 'This peer was closed.', { outcome: 'not-applied' })
    const consensus = createConsensus(code, options, this.#options, {
      platform: this.#platform,
      mesh: this.#mesh,
      logger: this.#logger,
      durable: this.#storage !== undefined,
      events: consensusEvents(this.#events, { ejected: (error) => this.#onEjected(error), error: this.#report }),
    })
    this.#consensus = consensus
    this.#collectMetrics = code.collectMetrics
    consensus.setVisible(this.#platform.lifecycle.visible)
    if (this.#storage === undefined) this.#enter(consensus, undefined)
    else this.#openStorage(consensus, this.#storage).catch((error: unknown) => this.#storageFailed(consensus, error))
    return consensus
  }

  /** Documents and messages need no agreement. */
  #goOnWithout(cause: unknown): never {
    const error = notLoadedError(cause)
    this.#store.reject(error)
    this.#join()
    this.#report(error)
    throw error
  }

  /** At once if the code is here. */
  #agreed<T>(use: (consensus: Consensus<M>) => Promise<T>): Promise<T> {
    return this.#consensus === undefined ? this.#loading.then(use) : use(this.#consensus)
  }

  async #openStorage(consensus: Consensus<M>, storage: PlatformStorage): Promise<void> {
    const failed = (error: unknown) => this.#logger.error("A store of this cluster can't be used.", error)
    const worth = async (store: Store) => consensus.worthOf(store, await ownerOf(store))
    const { store, siblings } = await storage.open(this.#clusterName, { worth, unusable: failed })
    try {
      this.#identity = await loadIdentity(store, this.#platform.runtime)
      this.#store.resolve(store)
      const ended = (peer: PeerId) => this.#mesh.peerEnded(peer)
      const clusterId = await consensus.open(store, siblings && { siblings, ownerOf, ended, failed })
      if (this.#isClosed) await store.close()
      else this.#enter(consensus, clusterId)
    } catch (error) {
      await store.close()
      throw error
    }
  }

  #storageFailed(consensus: Consensus<M>, error: unknown): void {
    this.#store.reject(error)
    consensus.fail(error)
  }

  /** Into the room: who this peer is, is known now. @param clusterId the cluster whose state is stored here, if any */
  #enter(consensus: Consensus<M>, clusterId: ClusterId | undefined): void {
    consensus.enter(clusterId, () => {
      this.#join()
      if (this.#storage !== undefined) this.#events.emit('self', this.#mesh.self)
    })
  }

  #join(): void {
    const { peerId: id } = this.#identity
    this.#mesh.start({ id, name: this.#givenName ?? nameOf(id) })
  }

  #subscribeAll(signal: AbortSignal | undefined): Unsubscribe[] {
    const { lifecycle } = this.#platform
    const onAbort = () => void this.close()
    signal?.addEventListener('abort', onAbort)
    return [
      () => signal?.removeEventListener('abort', onAbort),
      this.#mesh.on('peerJoined', (peer) => this.#events.emit('peerJoined', peer.info)),
      this.#mesh.on('peerLeft', (peer, reason) => this.#events.emit('peerLeft', peer, reason)),
      this.#mesh.on('rendezvous', (status, problem) => this.#events.emit('signaling', status, problem)),
      meshErrors(this.#mesh, (error) => this.#report(error)),
      lifecycle.on('hide', () => this.#vanish()),
      lifecycle.on('wake', () => this.#mesh.suspectAll()),
      lifecycle.on('visibility', (visible) => this.#consensus?.setVisible(visible)),
    ]
  }

  /** Out of the cluster: no documents and messages any more either. */
  #onEjected(error: LegionError): void {
    void this.#shutDown()
    this.#events.emit('ejected', error)
  }

  readonly #report = (error: LegionError): void => {
    if (this.#events.listenerCount('error') > 0) this.#events.emit('error', error)
    else this.#logger.error(`${error.code}: ${error.message}`, error)
  }

  /** The page goes away, now: one goodbye on every link, ahead of everything else. It can't be taken back. */
  #vanish(): void {
    void this.#shutDown()
    const unsubscribe = this.#platform.lifecycle.on('restore', () => {
      unsubscribe()
      this.#report(new LegionError('E_CLOSED', 'The page was put away and has left its cluster. Reload it.'))
    })
  }

  async #shutDown(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#mesh.goodbye(this.#consensus?.lastWords(LAST_WORDS_BYTES_MAX), this.#consensus?.rest)
    for (const unsubscribe of this.#subscriptions) unsubscribe()
    this.#messaging.close()
    this.#agreedDocuments.close()
    this.#documents.close() // writes what is left, into the store that closes next
    const agreed = this.#consensus?.close()
    await Promise.all([this.#mesh.close(), agreed])
  }
}
