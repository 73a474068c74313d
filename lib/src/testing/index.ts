/**
 * For tests of programs that use legion-mesh: whole Legions on simulated time and network, and a checker of histories.
 */

export { memoryStorage } from '../storage/memory-storage.js'
export { type ContractRunner, describeChannelContract } from './channel-contract.js'
export { HistoryRecorder, type OpenOperation, type Operation, UNKNOWN, type Unknown } from './history.js'
export { type KvContent, type KvInput, type KvOutput, type KvSwap, kvModel } from './kv-model.js'
export {
  checkLinearizability,
  explainViolation,
  type Linearizability,
  type LinearizabilityOptions,
  type Violation,
} from './linearizability.js'
export { type SmallestViolation, smallestViolation } from './linearizability-shrink.js'
export { type MachineInput, type MachineModelOptions, type MachineOutput, machineModel } from './machine-model.js'
export { type MemoryPlatformOptions, memoryPlatform } from './memory-platform.js'
export { keyValueModel, registerModel, type SequentialModel, type StateKey } from './models.js'
export { type LogEntry, type Replay, type ReplayedEntry, type ReplayOptions, replay } from './replay.js'
export { type CommandOf, type MachineRun, type RunOptions, runMachine } from './run-machine.js'
export type { Conditions } from './simulated-channel.js'
export { SimulatedDisk, type SimulatedDiskOptions } from './simulated-disk.js'
export { SimulatedNetwork } from './simulated-network.js'
export { SimulatedClock } from './simulated-runtime.js'
export {
  createSimulation,
  type SimulatedPeer,
  type SimulatedPeerOptions,
  type Simulation,
  type SimulationOptions,
} from './simulation.js'
export { describeStorageContract } from './storage-contract.js'
