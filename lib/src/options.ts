import { LegionError } from './base/errors.js'
import type { Logger } from './base/logger.js'
import type { DocumentLimits, DocumentSettings } from './docs/documents.js'
import type { Admit } from './groups/admission.js'
import type { Startup } from './groups/founding.js'
import type { GroupLimits } from './groups/group-types.js'
import type { GroupTiming } from './groups/groups.js'
import type { StrictReport, strictMachine } from './machines/strict-machine.js'
import type { AnyMachine } from './machines/types.js'
import { type Authorize, MAX_CREDENTIAL_BYTES } from './mesh/authorization.js'
import type { MeshLimits, MeshTiming } from './mesh/settings.js'
import type { MessagingLimits } from './messaging/messaging.js'
import type { Handlers } from './messaging/types.js'
import type { Platform, PlatformStorage } from './platform.js'

/** What `Legion.join` and `Legion.open` take. */
export interface LegionOptions<M extends AnyMachine, H, L> {
  /** Everybody with the same name, and secret if there is one, is in the same cluster. 1 to 200 characters. */
  readonly cluster: string
  /**
   * URL of the signaling server, or of several: `ws://…` or `wss://…`. Instances that are one server together (they share
   * a Redis) stand in one string, separated by spaces: one of them is used, the next when it is gone.
   */
  readonly signaling: string | readonly string[]
  /**
   * Admits only who knows it, and hides signaling from the server. In a page that all can load it is no secret.
   * Default: none.
   */
  readonly secret?: string | undefined
  /** What `applyConsistent` runs, the same for all peers. Default: the built-in `kv`. */
  readonly machine?: M | undefined
  /** What answers messages, by name. Default: none. */
  readonly handlers?: (H & Handlers<L>) | undefined
  /** How this peer is called in the others' lists. Default: the beginning of its id. */
  readonly name?: string | undefined
  /** False: this peer never votes, it only has a copy. Default true. */
  readonly canVote?: boolean | undefined
  /** Voters wanted at most, odd. Default 5. */
  readonly voters?: number | undefined
  /**
   * Nothing counts as agreed before so many processes have it, as long as so many are there; more than a majority of
   * the voters only matters while there are few voters. Default 2.
   */
  readonly copies?: number | undefined
  /**
   * Asked by every member about every peer that wants to become one: true lets it, all others get E_UNAUTHORIZED. Not
   * asked about members. Default: all may.
   */
  readonly admit?: Admit | undefined
  /**
   * Asked about every peer before a link with it counts: true lets it, all others get E_UNAUTHORIZED. May answer later,
   * within `timing.dialTimeoutMs`. Unlike `admit`, which is about copies of the state, it is about everything: without a
   * link there are no documents and messages either. Give it to every peer: who is linked with one reaches the others
   * over it. Default: all may.
   */
  readonly authorize?: Authorize | undefined
  /**
   * What this peer shows to those who ask `authorize`, peers and signaling servers, for example a JWT; a function is
   * called for every link and every connection to a server. At most 8 KiB. Default: nothing.
   */
  readonly credential?: string | (() => string) | undefined
  /** The world; in Node `await nodePlatform()` from `legion-mesh/node`. Default: `browserPlatform()` in a page. */
  readonly platform?: Platform | undefined
  /**
   * Where this peer keeps its state. `memory`: nowhere, so it is a new peer at every start. Default: `leveldb` in Node
   * with a directory, else `memory`.
   */
  readonly storage?: StorageKind | undefined
  /** Compresses snapshots on their way to peers that join. Default false. */
  readonly compression?: boolean | undefined
  /**
   * `join`: this peer founds no cluster, it waits for one. `found`: it founds one, by whichever signaling server is
   * there, or fails with E_SPLIT if there is one already. Default `auto`: it joins the cluster if there is one, else the
   * first of the signaling servers lets somebody found it.
   */
  readonly startup?: Startup | undefined
  /** What is kept of documents, and who may change them. */
  readonly documents?: DocumentSettings | undefined
  readonly timing?: LegionTiming | undefined
  readonly limits?: LegionLimits | undefined
  /**
   * For development: `strictMachine` from `legion-mesh/machines`. Every command is run twice and watched, and what
   * would make replicas differ is reported by an `error` event, once per command. Default: not used.
   */
  readonly strict?: typeof strictMachine | undefined
  /** Closes the Legion when it aborts. Default: none. */
  readonly signal?: AbortSignal | undefined
  /** Where is written what no caller waits for; `console` fits. Default: nowhere. */
  readonly logger?: Logger | undefined
}

export type StorageKind = 'memory' | PlatformStorage['kind']

/** Every property may be left out or be undefined: both mean the default. */
type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** All in milliseconds. */
export interface LegionTiming extends Optional<MeshTiming>, Optional<GroupTiming> {
  /** A voter that was gone for this long is replaced, a member without storage forgotten. Default 5,000. */
  readonly replaceAfterMs?: number | undefined
  /** How long `Legion.join` waits for the state. Default 30,000. */
  readonly joinTimeoutMs?: number | undefined
}

export interface LegionLimits extends Optional<GroupLimits> {
  /** Bytes of a snapshot, of whatever group. Default 1 GiB. */
  readonly snapshotBytes?: number | undefined
  readonly mesh?: Optional<MeshLimits> | undefined
  readonly messages?: Optional<MessagingLimits> | undefined
  readonly documents?: Optional<DocumentLimits> | undefined
}

export interface ResolvedOptions {
  readonly startup: Startup
  readonly strict: typeof strictMachine | undefined
  readonly voters: number
  readonly copies: number
  readonly admit: Admit | undefined
  readonly replaceAfterMs: number
  readonly joinTimeoutMs: number
  readonly groupTiming: GroupTiming
  readonly groupLimits: GroupLimits
  readonly snapshotBytes: number
  readonly meshTiming: Partial<MeshTiming>
  readonly meshLimits: Partial<MeshLimits>
  readonly messagingLimits: Partial<MessagingLimits>
  readonly documentLimits: Partial<DocumentLimits>
}

const MIB = 1024 * 1024
const CLUSTER_NAME_MAX = 200
const NAME_MAX = 60

const DEFAULT_GROUP_LIMITS: GroupLimits = {
  commandBytes: MIB,
  proposals: 16_384,
  proposalBytes: 64 * MIB,
  reads: 16_384,
  logEntries: 10_000,
  logBytes: 16 * MIB,
  logMarginEntries: 1_000,
}

/** Fills in the defaults. @throws LegionError E_INVALID */
export function resolveOptions(options: LegionOptions<AnyMachine, unknown, unknown>): ResolvedOptions {
  requireText('cluster', options.cluster, CLUSTER_NAME_MAX)
  if (options.name !== undefined) requireText('name', options.name, NAME_MAX)
  if (typeof options.credential === 'string') requireFit(options.credential)
  const {
    voters = 5,
    copies = 2,
    timing = {},
    limits: { mesh = {}, messages = {}, documents = {}, snapshotBytes, ...limits } = {},
  } = options
  if (!Number.isInteger(voters) || voters < 1 || voters % 2 === 0) {
    throw new LegionError('E_INVALID', `voters must be an odd number from 1 on, not ${String(voters)}.`)
  }
  if (!Number.isInteger(copies) || copies < 1) {
    throw new LegionError('E_INVALID', `copies must be a whole number from 1 on, not ${String(copies)}.`)
  }
  return {
    startup: options.startup ?? 'auto',
    strict: options.strict,
    voters,
    copies,
    admit: options.admit,
    replaceAfterMs: timing.replaceAfterMs ?? 5_000,
    joinTimeoutMs: timing.joinTimeoutMs ?? 30_000,
    groupTiming: { tickMs: timing.tickMs ?? 100 },
    groupLimits: { ...DEFAULT_GROUP_LIMITS, ...definedOnly(limits) },
    meshTiming: definedOnly(timing),
    snapshotBytes: snapshotBytes ?? 1024 * MIB,
    meshLimits: definedOnly(mesh),
    messagingLimits: definedOnly(messages),
    documentLimits: definedOnly(documents),
  }
}

/** The storage to use, undefined for none. @throws LegionError E_UNSUPPORTED */
export function chooseStorage(
  wanted: LegionOptions<AnyMachine, unknown, unknown>['storage'],
  available: PlatformStorage | undefined,
): PlatformStorage | undefined {
  if (wanted === 'memory') return undefined
  if (wanted === undefined) return available?.isDefault ? available : undefined
  if (wanted === available?.kind) return available
  const advice =
    wanted === 'leveldb' ? 'give nodePlatform a directory' : `this platform has ${available?.kind ?? 'memory only'}`
  throw new LegionError('E_UNSUPPORTED', `There is no storage "${wanted}" here: ${advice}.`)
}

/** The machine that runs where `strict` is wanted. Each command, hook and migration is reported once, a little later. */
export function applyStrict<M extends AnyMachine>(
  strict: typeof strictMachine | undefined,
  machine: M,
  report: (error: LegionError) => void,
): M {
  if (strict === undefined) return machine
  const reported = new Set<string>()
  const reportOnce = (error: LegionError) => {
    const { what } = error.details as StrictReport
    if (!reported.has(what)) queueMicrotask(() => report(error)) // not in the middle of a command
    reported.add(what)
  }
  return strict(machine, { report: reportOnce })
}

function requireText(option: string, value: unknown, charactersMax: number): void {
  if (typeof value === 'string' && value.length >= 1 && value.length <= charactersMax) return
  throw new LegionError('E_INVALID', `The option "${option}" must be a string of 1 to ${charactersMax} characters.`)
}

/** @throws LegionError E_INVALID for what no other peer would take */
export function requireFit(credential: unknown): asserts credential is string {
  const bytes = typeof credential === 'string' ? new TextEncoder().encode(credential).length : Number.POSITIVE_INFINITY
  if (bytes <= MAX_CREDENTIAL_BYTES) return
  throw new LegionError('E_INVALID', `The credential must be a string of at most ${MAX_CREDENTIAL_BYTES} bytes.`)
}

/** An option that is there but undefined means the default, like one that is not there. */
function definedOnly<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
