import type { Metric } from '../../src/metrics.js'

/** The value of a metric with these labels among others; undefined if there is none. */
export function readMetric(
  metrics: readonly Metric[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const wanted = Object.entries(labels)
  return metrics.find((metric) => metric.name === name && wanted.every(([key, value]) => metric.labels[key] === value))
    ?.value
}
