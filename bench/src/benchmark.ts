import type { Lab } from './lab/lab.js'
import type { Series } from './statistics.js'

export interface Benchmark {
  readonly name: string
  /** A sentence: what is measured, and what stands beside it. */
  readonly about: string
  run(lab: Lab): Promise<readonly Row[]>
}

export interface Row {
  readonly label: string
  readonly unit: Unit
  /** Undefined where only the limit is measured. */
  readonly ours: Series | undefined
  /** The same on the bare carrier. Undefined where there is no such thing. */
  readonly limit: Series | undefined
}

export type Unit = 'ms' | 'messages/s' | 'commands/s' | 'updates/s' | 'events/s' | 'MB/s'
