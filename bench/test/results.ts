import type { BenchmarkResult } from '../src/report.js'

export const machine = { cpu: 'c', cores: 2, memoryGiB: 1, system: 's', load: 0.25, versions: {} }

/** Of a benchmark that measured nothing but what is given. */
export function resultOf(part: Partial<BenchmarkResult>): BenchmarkResult {
  return {
    name: 'some',
    about: 'About.',
    alternative: 'etcd',
    notes: [],
    seconds: { 'set-up': 1, 'warm-up': 2, measuring: 3, profile: 4, 'tear-down': 5 },
    subjectSeconds: {},
    rows: [],
    costs: [],
    distributions: {},
    profiles: [],
    ...part,
  }
}
