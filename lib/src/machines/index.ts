export { defineMachine, type MachineOptions } from './define-machine.js'
export { type KvRange, kv } from './kv.js'
export type {
  ApplyContext,
  CommandCall,
  CommandResult,
  DurableStateMachine,
  ForkableMachine,
  HookContext,
  MachineDefinition,
  QueryCall,
  QueryContext,
  StateMachine,
} from './machine.js'
export { Rejected } from './rejected.js'
export type { Entry as KvEntry, SortedMap } from './sorted-map.js'
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
