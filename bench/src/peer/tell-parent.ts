import type { RawSignal } from './raw-connection.js'

/** What a peer says to the process that runs the benchmark. */
export type PeerReport =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly signal: RawSignal }

/** What it is asked. */
export interface PeerRequest {
  readonly id: number
  readonly task: string
  readonly args: readonly unknown[]
}

export function tellParent(report: PeerReport): void {
  process.send?.(report)
}
