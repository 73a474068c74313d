import type { Rate } from '../peer/figures.js'
import type { Stack } from '../peer/raw-connection.js'

/** Two processes with nothing but a data channel between them: what the library can't be faster than. */
export const RAW_CHANNEL = 'raw channel'
/** How long one run of one subject takes. */
export const RUN_MS = 500
/** One after the other, it takes seconds until everything on the way has been compiled for good. */
export const WARM_UP_MS = 4_000
export const PEERS = 3
/** What `nodePlatform` takes by default. */
export const STACK: Stack = 'node-datachannel'

/** Per second. */
export function rateOf({ count, elapsedMs }: Rate): { readonly rate: number } {
  return { rate: (count / elapsedMs) * 1000 }
}

export type RateSubjects = Readonly<Record<string, () => Promise<{ readonly rate: number }>>>

/** Of the cases of a list, by their labels. */
export function recordOf<C extends { readonly label: string }, V>(cases: readonly C[], make: (each: C) => V) {
  return Object.fromEntries(cases.map((each) => [each.label, make(each)])) as Record<string, V>
}
