import { LegionError } from '../base/errors.js'
import type { RoomId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import type { Runtime } from '../base/runtime.js'
import { DeferredRendezvous } from './deferred-rendezvous.js'
import { type EnvelopeFactory, plainEnvelope } from './envelope.js'
import type { Rendezvous } from './rendezvous.js'
import { deriveRoomSecrets, openRoomId } from './sealing.js'
import { SignalingClient } from './signaling-client.js'
import type { SocketFactory } from './socket.js'
import { systemCrypto } from './system-crypto.js'

export interface CreateRendezvousOptions {
  readonly cluster: string
  /** What only members know; undefined: whoever knows the cluster's name is a member. */
  readonly secret: string | undefined
  /**
   * Signaling servers, at least one; the first decides on foundings. Instances that are one server together stand in
   * one string, separated by spaces.
   */
  readonly urls: readonly string[]
  /** Known to this peer alone, `PEER_KEY_BYTES` long. With the same one after a restart it has its PeerId back at once. */
  readonly key: Uint8Array
  /** What is shown to servers that let in only whom they know; asked at every hello. Default: nothing. */
  readonly credential?: (() => string | undefined) | undefined
  readonly runtime: Runtime
  readonly openSocket: SocketFactory
  readonly logger: Logger
  /** Default: the platform's, where it has one. Needed with a secret only. */
  readonly subtle?: SubtleCrypto | undefined
}

/**
 * The room of a cluster on all its signaling servers. The code for secrets and for several servers is loaded only for
 * those who have them. With a secret the room's name and the key that seals signals are
 * derived from it during `join`, which takes some tenths of a second.
 *
 * @throws LegionError E_INVALID without URLs or with an empty secret; E_UNSUPPORTED with a secret where there is no
 * `crypto.subtle`
 */
export function createRendezvous(options: CreateRendezvousOptions): Rendezvous {
  const { cluster, secret, urls } = options
  if (urls.length === 0) throw new LegionError('E_INVALID', 'Give the URL of at least one signaling server.')
  if (secret === undefined) return connect(options, openRoomId(cluster), plainEnvelope)
  if (secret === '') throw new LegionError('E_INVALID', 'The secret is empty. Give one, or undefined for none.')
  const subtle = options.subtle ?? systemCrypto()
  if (subtle === undefined) throw new LegionError('E_UNSUPPORTED', NO_CRYPTO)
  return new DeferredRendezvous(async () => {
    const [{ SealedEnvelope }, secrets] = await Promise.all([
      import('./sealed-envelope.js'),
      deriveRoomSecrets(cluster, secret, subtle),
    ])
    const sealing = { ...options, secrets, subtle }
    return connect(options, secrets.room, (world) => new SealedEnvelope(sealing, world))
  })
}

const NO_CRYPTO =
  'A cluster with a secret needs crypto.subtle, which browsers have only on https and localhost: serve the page there.'

function connect(options: CreateRendezvousOptions, room: RoomId, envelope: EnvelopeFactory): Rendezvous {
  const clients = options.urls.map((url) => new SignalingClient({ ...options, url, room, envelope }))
  const [only] = clients
  if (only !== undefined && clients.length === 1) return only
  return new DeferredRendezvous(async () => (await import('./combined-rendezvous.js')).combinedRendezvous(clients))
}
