import { toBase64Url } from './base/bytes.js'
import { defer } from './base/deferred.js'
import { LegionError } from './base/errors.js'
import type { PeerId } from './base/ids.js'
import type { Logger } from './base/logger.js'
import type { Runtime } from './base/runtime.js'
import { browserPlatform } from './browser-platform.js'
import { MAIN } from './groups/group-registry.js'
import { lastPosition } from './groups/orphan.js'
import { type Identity, ownerOf } from './identity.js'
import type { AnyMachine } from './machines/types.js'
import { Mesh, type MeshSelf, type MeshStatus } from './mesh/mesh.js'
import type { LegionOptions, ResolvedOptions } from './options.js'
import type { Platform } from './platform.js'
import type { Store } from './storage/storage.js'

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
): Mesh {
  const { platform, logger } = world
  const { runtime } = platform
  const { cluster, secret, signaling } = options
  const urls = typeof signaling === 'string' ? [signaling] : signaling
  return new Mesh({
    self: describeSelf(options, world),
    runtime,
    createConnector: (self) => platform.createConnector(self),
    createRendezvous: (self) =>
      platform.createRendezvous({ self, cluster, secret, urls, key: world.identity().key, runtime, logger }),
    logger,
    limits,
    timing,
  })
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

/** How a peer is called that was given no name. */
export function nameOf(id: PeerId): string {
  return id.slice(0, NAME_CHARACTERS)
}

/** Of several stores without an owner the one with the most up-to-date log is the best to go on from. */
export async function worthOf(store: Store): ReturnType<typeof lastPosition> {
  return lastPosition(store, await ownerOf(store), MAIN)
}

/** @throws LegionError E_TIMEOUT, which says what is missing; whatever `ready` rejects with */
export async function readyInTime(
  ready: Promise<void>,
  timeoutMs: number,
  runtime: Runtime,
  mesh: Pick<Mesh, 'status'>,
): Promise<void> {
  const late = defer<never>()
  const timer = runtime.setTimer(timeoutMs, () => late.reject(notReadyError(mesh.status())))
  await Promise.race([ready, late.promise]).finally(() => timer.cancel())
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
