export type { Unsubscribe } from './base/emitter.js'
export { type ErrorCode, LegionError, type Outcome } from './base/errors.js'
export type { ClusterId, PeerId } from './base/ids.js'
export type { Logger } from './base/logger.js'
export { browserPlatform } from './browser-platform.js'
export type { Value } from './codec/value.js'
export type { LegionDocument } from './docs/document.js'
export type { GroupMember } from './groups/group-types.js'
export type { ProposeOptions } from './groups/proposals.js'
export { Legion, type LegionEvents, type LegionStatus } from './legion.js'
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
export type { LegionLimits, LegionOptions, LegionTiming } from './options.js'
export type { Lifecycle, Platform } from './platform.js'
export type { RendezvousStatus } from './signaling/rendezvous.js'
