/**
 * The Raft core in simulation: clusters of cores to which anything happens, and a referee who knows what may not. For
 * the tests of this project; its steps and weathers change as the core does.
 */
export { FairWeather } from './fair-weather.js'
export { type Recording, recordSeed } from './recording.js'
export { type Failure, readSchedule, runSchedule, type Schedule, writeSchedule } from './schedule.js'
export type { Setup } from './setup.js'
export { shrinkSchedule } from './shrink.js'
export { type SimulationOptions, type SimulationResult, Simulator } from './simulator.js'
export { type ChangeWish, formatStep, parseStep, type Step, VERBS, type Verb } from './steps.js'
export { traceSchedule } from './trace.js'
export { Violation } from './violation.js'
