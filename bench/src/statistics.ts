/** One figure, measured once per run. */
export interface Series {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly runs: readonly number[]
}

export function seriesOf(runs: readonly number[]): Series {
  return { median: quantile(runs, 0.5), min: Math.min(...runs), max: Math.max(...runs), runs }
}

/** Of a single run. */
export function seriesOfOne<const F extends Readonly<Record<string, number>>>(figures: F) {
  const series = Object.entries(figures).map(([name, value]) => [name, seriesOf([value])])
  return Object.fromEntries(series) as { readonly [K in keyof F]: Series }
}

/** By linear interpolation. @param fraction 0 to 1 */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * fraction
  const below = sorted[Math.floor(at)] ?? Number.NaN
  const above = sorted[Math.ceil(at)] ?? Number.NaN
  return below + (above - below) * (at - Math.floor(at))
}
