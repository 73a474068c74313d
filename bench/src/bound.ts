import type { Row } from './benchmark.js'

/** What is wanted of the median of a row: of ours, or of ours divided by the alternative's. */
export interface Bound {
  readonly of: 'ours' | 'ratio'
  readonly is: 'at most' | 'at least'
  readonly limit: number
}

export function atMost(limit: number): Bound {
  return { of: 'ours', is: 'at most', limit }
}

export function ratioAtMost(limit: number): Bound {
  return { of: 'ratio', is: 'at most', limit }
}

export function ratioAtLeast(limit: number): Bound {
  return { of: 'ratio', is: 'at least', limit }
}

/** Undefined where one of them was not measured. */
export function ratioOf({ ours, beside }: Row): number | undefined {
  return ours && beside && ours.median / beside.median
}

/** @returns undefined where nothing is wanted, or nothing was measured that could be compared */
export function isReached(row: Row): boolean | undefined {
  const { bound } = row
  const value = bound?.of === 'ratio' ? ratioOf(row) : row.ours?.median
  if (bound === undefined || value === undefined) return undefined
  return bound.is === 'at most' ? value <= bound.limit : value >= bound.limit
}
