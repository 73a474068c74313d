/**
 * A Raft core: complete, pure and synchronous. It holds the protocol and nothing else; storage, network, clock and
 * state machine are the owner's. See `RawNode` and `Ready`.
 */
export { HEIRS_MAX, type LastWords } from './adoption.js'
export {
  type ConfigChange,
  decodeConfigChange,
  encodeConfigChange,
  leaveJoint,
  type MemberChange,
  type MemberChangeType,
  type Transition,
} from './config-change.js'
export { type ConfigProblem, type ConfigResult, changeConfiguration, isJoint } from './configuration.js'
export {
  describeChanges,
  describeConfiguration,
  describeEntry,
  describeHardState,
  describeMessage,
  describeProgress,
  describeReady,
  describeRole,
  describeSnapshot,
  describeSoftState,
  type EntryPrinter,
} from './describe.js'
export type * from './messages.js'
export { emptyState, foundingState, type RaftOptions } from './options.js'
export { jointVote } from './quorum.js'
export { RawNode } from './raw-node.js'
export type * from './types.js'
