import { toBase64Url } from './base/bytes.js'
import { defer } from './base/deferred.js'
import type { Emitter, Unsubscribe } from './base/emitter.js'
import { LegionError } from './base/errors.js'
import type { PeerId } from './base/ids.js'
import type { Logger } from './base/logger.js'
import type { Runtime } from './base/runtime.js'
import { browserPlatform } from './browser-platform.js'
import type { ConsensusCode } from './consensus-code.js'
import type { Consensus, ConsensusEvents } from './groups/consensus.js'
import { inTime } from './groups/in-time.js'
import type { Identity } from './identity.js'
import type { LegionEvents } from './legion-types.js'
import type { AnyMachine } from './machines/types.js'
import { LateMesh, type MeshFace } from './mesh/late-mesh.js'
import type { MeshOptions, MeshSelf } from './mesh/mesh.js'
import type { MeshStatus } from './mesh/mesh-status.js'
import { applyStrict, type LegionOptions, type ResolvedOptions, requireFit } from './options.js'
import type { Platform } from './platform.js'

// What a Legion is put together from.

const BOOT_NONCE_BYTES = 12
const NAME_CHARACTERS = 6

export interface MeshWorld {
  readonly platform: Platform
  readonly logger: Logger
  /** Provisional until a store is open. */
  identity(): Identity
  readonly durable: boolean
}

export function createMesh(
  options: LegionOptions<AnyMachine, unknown, never>,
  { meshLimits: limits, meshTiming: timing }: ResolvedOptions,
  world: MeshWorld,
): MeshFace {
  const { platform, logger } = world
  const { runtime } = platform
  const { cluster, secret, signaling } = options
  const urls = typeof signaling === 'string' ? [signaling] : signaling
  const credential = () => presentable(options.credential, logger)
  const meshOptions: MeshOptions = {
    self: describeSelf(options, world),
    runtime,
    createConnector: (self) => platform.createConnector(self),
    createRendezvous: (self) =>
      platform.createRendezvous({
        self,
        cluster,
        secret,
        urls,
        key: world.identity().key,
        credential,
        runtime,
        logger,
      }),
    credential,
    authorize: options.authorize,
    logger,
    limits,
    timing,
  }
  const code = platform.loadMesh()
  return code instanceof Promise ? new LateMesh(meshOptions, code) : new code(meshOptions)
}

/** Nothing, told to the logger, if the application has nothing that could be shown. */
function presentable(credential: string | (() => string) | undefined, logger: Logger): string | undefined {
  if (typeof credential !== 'function') return credential
  try {
    const shown = credential()
    requireFit(shown)
    return shown
  } catch (error) {
    logger.error('There is no credential to show.', error)
    return undefined
  }
}

function describeSelf(
  { name, canVote = true }: LegionOptions<AnyMachine, unknown, never>,
  { platform, identity, durable }: MeshWorld,
): MeshSelf {
  const { runtime, kind, host } = platform
  const { peerId: id } = identity()
  const bootNonce = toBase64Url(runtime.randomBytes(BOOT_NONCE_BYTES))
  return { id, bootNonce, name: name ?? nameOf(id), kind, host, canVote, durable }
}

/** What no mesh can help, as errors. */
export function meshErrors(mesh: MeshFace, report: (error: LegionError) => void): Unsubscribe {
  const subscriptions = [
    mesh.on('incompatible', (_, problem) => report(new LegionError('E_VERSION', problem))),
    mesh.on('unauthorized', (peer, problem) => report(unauthorizedError(peer, problem))),
    mesh.on('relayNeeded', (peer, problem) =>
      report(new LegionError('E_TURN_NEEDED', `The peer ${peer}: ${problem}.`)),
    ),
  ]
  return () => {
    for (const unsubscribe of subscriptions) unsubscribe()
  }
}

function unauthorizedError(peer: PeerId, problem: string): LegionError {
  return new LegionError('E_UNAUTHORIZED', `The peer ${peer} ${problem}. Give a credential that its authorize takes.`)
}

/** Most of what happens to `main` happens to the Legion. */
export function consensusEvents(
  events: Emitter<LegionEvents>,
  own: Pick<ConsensusEvents, 'ejected' | 'error'>,
): ConsensusEvents {
  const forward =
    <K extends keyof ConsensusEvents>(event: K) =>
    (...args: Parameters<LegionEvents[K]>) =>
      events.emit(event, ...args)
  return {
    leader: forward('leader'),
    members: forward('members'),
    quorum: forward('quorum'),
    copies: forward('copies'),
    outdated: forward('outdated'),
    split: forward('split'),
    ...own,
  }
}

/** How a peer is called that was given no name. */
export function nameOf(id: PeerId): string {
  return id.slice(0, NAME_CHARACTERS)
}

/**
 * Of all that is agreed on, when the mesh is whole too.
 * @param failed throws what those are told who need the code
 */
export function loadCode(
  platform: Platform,
  mesh: MeshFace,
  failed: (cause: unknown) => never,
): ConsensusCode | Promise<ConsensusCode> {
  const code = platform.loadConsensus()
  const isWhole = mesh instanceof LateMesh ? mesh.whole : undefined
  if (isWhole === undefined && !(code instanceof Promise)) return code
  return Promise.all([code, isWhole]).then(([loaded]) => loaded, failed)
}

export interface ConsensusWorld {
  readonly platform: Platform
  readonly mesh: MeshFace
  readonly logger: Logger
  readonly durable: boolean
  readonly events: ConsensusEvents
}

export function createConsensus<M extends AnyMachine>(
  code: ConsensusCode,
  { machine, compression = false }: LegionOptions<M, unknown, never>,
  resolved: ResolvedOptions,
  { platform, mesh, logger, durable, events }: ConsensusWorld,
): Consensus<M> {
  const { voters, copies, replaceAfterMs, admit, startup, strict, groupTiming, groupLimits, snapshotBytes } = resolved
  return new code.Consensus({
    mesh,
    runtime: platform.runtime,
    logger,
    machine,
    startup,
    rules: { voters, copies, replaceAfterMs },
    admit,
    durable,
    timing: groupTiming,
    limits: { ...groupLimits, snapshotBytes },
    deflate: compression ? platform.compression?.deflate : undefined,
    inflate: platform.compression?.inflate,
    events,
    prepare: (other) => applyStrict(strict, other, events.error),
  })
}

/** Subscribes when `source` is there, unless it is not wanted any more by then. */
export function subscribeLater<S>(source: Promise<S>, subscribe: (source: S) => Unsubscribe): Unsubscribe {
  let isWanted = true
  let unsubscribe: Unsubscribe | undefined
  const begin = (there: S) => {
    if (isWanted) unsubscribe = subscribe(there)
  }
  source.then(begin, () => {}) // what failed is told to whoever waits for it
  return () => {
    isWanted = false
    unsubscribe?.()
  }
}

/** @throws LegionError E_TIMEOUT, which says what is missing; whatever `ready` rejects with */
export async function readyInTime(
  ready: Promise<void>,
  timeoutMs: number,
  runtime: Runtime,
  mesh: Pick<MeshFace, 'status'>,
): Promise<void> {
  const late = defer<never>()
  const timer = runtime.setTimer(timeoutMs, () => late.reject(notReadyError(mesh.status())))
  await Promise.race([ready, late.promise]).finally(() => timer.cancel())
}

/**
 * Leaves all groups, as soon as there is something to leave them with.
 * @param consensus undefined: its code is not here, and no state of an earlier start is
 * @throws LegionError E_TIMEOUT; whatever the code could not be loaded for
 */
export async function leaveInTime(
  consensus: Pick<Consensus<AnyMachine>, 'leave'> | Promise<Pick<Consensus<AnyMachine>, 'leave'>> | undefined,
  timeoutMs: number,
  runtime: Runtime,
): Promise<void> {
  const deadlineMs = runtime.nowMs() + timeoutMs
  const problem = 'The code that this peer needs to leave its cluster was not loaded in time.'
  const here = consensus instanceof Promise ? await inTime(runtime, consensus, timeoutMs, problem) : consensus
  await here?.leave(deadlineMs - runtime.nowMs())
}

function notReadyError({ rendezvous, problem }: MeshStatus): LegionError {
  const reason =
    problem ??
    (rendezvous === 'joined'
      ? 'the signaling server is there, but no member of the cluster could be linked or none has a quorum'
      : 'the signaling server did not answer')
  return new LegionError('E_TIMEOUT', `The cluster's state did not come in time: ${reason}.`)
}

/** @throws LegionError E_UNSUPPORTED outside of a page */
export function defaultPlatform(): Platform {
  if (typeof RTCPeerConnection === 'function' && typeof document === 'object') return browserPlatform()
  const problem =
    "There is no browser here. In Node: import { nodePlatform } from 'legion-mesh/node' and pass { platform: await nodePlatform() }."
  throw new LegionError('E_UNSUPPORTED', problem)
}

export function notLoadedError(cause: unknown): LegionError {
  const problem =
    'Some code could not be loaded. Without that for groups documents and messages go on; without that for links nothing leaves this page. Reload it.'
  return new LegionError('E_UNSUPPORTED', problem, { cause, outcome: 'not-applied' })
}
