export { defineMachine, type MachineOptions } from './define-machine.js'
export {
  type KvCompareAndSet,
  type KvEntry,
  type KvIncrement,
  type KvRange,
  type KvSet,
  type KvState,
  type KvTouch,
  type KvValue,
  kv,
} from './kv.js'
export { type LockAcquire, type LockHolder, type LockRelease, type LockRenew, type LockState, lock } from './lock.js'
export type {
  ApplyContext,
  CommandCall,
  CommandResult,
  DurableStateMachine,
  ForkableMachine,
  HookContext,
  MachineDefinition,
  MachineTools,
  QueryCall,
  QueryContext,
  StateMachine,
} from './machine.js'
export { machineTools } from './machine-tools.js'
export { Rejected } from './rejected.js'
export { type StrictOptions, type StrictReport, strictMachine } from './strict-machine.js'
export type {
  AnyMachine,
  ApplyConsistent,
  CommandName,
  CommandOutput,
  CommandPayload,
  Frozen,
  Machine,
  Peek,
  QueryAnswer,
  QueryName,
  QueryPayload,
  Read,
  StateOf,
} from './types.js'
export { type KvChange, type Watchable, type Watched, watch } from './watch.js'
