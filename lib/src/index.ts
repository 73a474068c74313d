export type { Unsubscribe } from './base/emitter.js'
export { type ErrorCode, LegionError, type Outcome } from './base/errors.js'
export type { ClusterId, PeerId } from './base/ids.js'
export type { Logger } from './base/logger.js'
export { browserPlatform } from './browser-platform.js'
export type { Value } from './codec/value.js'
export type { LegionDocument } from './docs/document.js'
export type { Admit, Applicant } from './groups/admission.js'
export type { Group } from './groups/group.js'
export type { OpenGroupOptions } from './groups/group-directory.js'
export type { GroupEvents, GroupMember, GroupStatus, MemberStatus } from './groups/group-types.js'
export type { LogEntry } from './groups/log-entry.js'
export type { ProposeOptions } from './groups/proposals.js'
export type { RosterOptions } from './groups/roster-commands.js'
export type { PinnedRole } from './groups/roster-entry.js'
export { Legion } from './legion.js'
export type { LegionEvents, LegionStatus } from './legion-types.js'
export { defineMachine } from './machines/define-machine.js'
export { type KvEntry, type KvState, type KvValue, kv } from './machines/kv.js'
export type { ApplyContext, HookContext, QueryContext } from './machines/machine.js'
export { Rejected } from './machines/rejected.js'
export type { Machine } from './machines/types.js'
export type { PeerLeftReason } from './mesh/network.js'
export type { PeerInfo, PeerStatus } from './mesh/peer-info.js'
export type {
  BroadcallOptions,
  BroadcastOptions,
  CallOptions,
  HandlerContext,
  Messages,
  Settled,
} from './messaging/types.js'
export type { Metric } from './metrics.js'
export type { LegionLimits, LegionOptions, LegionTiming, StorageKind } from './options.js'
export type { Lifecycle, Platform, PlatformStorage } from './platform.js'
export type { RendezvousStatus } from './signaling/rendezvous.js'
export type { Durability, Storage, Store, StoreEntry, Write } from './storage/storage.js'
