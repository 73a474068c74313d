import type { Bound } from './bound.js'
import type { Lab } from './lab/lab.js'
import type { Latency } from './peer/figures.js'
import type { Series } from './statistics.js'

export interface Benchmark {
  readonly name: string
  /** A sentence: what is measured, and what stands beside it. */
  readonly about: string
  /** What stands beside it, as the heading of a column; undefined if nothing does. */
  readonly alternative: string | undefined
  /** Of one that takes long: it is not measured more often, whatever is asked for. */
  readonly runsMax?: number | undefined
  run(lab: Lab): Promise<readonly Row[]>
}

export interface Row {
  readonly label: string
  readonly unit: Unit
  /** Undefined where only the alternative is measured. */
  readonly ours: Series | undefined
  /** The same of the alternative. Undefined where there is no such thing. */
  readonly beside: Series | undefined
  /** What is wanted of it. */
  readonly bound?: Bound | undefined
  readonly point?: PlotPoint | undefined
}

/** Where a row stands in a plot over many of them. */
export interface PlotPoint {
  readonly plot: PlotName
  readonly x: number
  readonly line: string
  /** What stands beside it; undefined: is not drawn. */
  readonly besideLine?: string | undefined
}

export type PlotName =
  | 'channel-throughput'
  | 'consistent-throughput'
  | 'mesh-time'
  | 'mesh-messages'
  | 'mesh-processor'
  | 'mesh-memory'

/** Quantiles by name, in milliseconds. */
export type Distribution = { readonly [Q in keyof Latency]: Series }

export type Unit =
  | 'ms'
  | 's'
  | 'messages/s'
  | 'commands/s'
  | 'updates/s'
  | 'events/s'
  | 'groups/s'
  | 'joins/s'
  | 'MB/s'
  | 'KB'
  | 'KiB'
  | 'MiB'
  | 'messages'
  | '% of a core'
