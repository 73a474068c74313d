import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Row } from '../src/benchmark.js'
import { atMost, type Bound, isReached, ratioAtLeast, ratioAtMost } from '../src/bound.js'
import { hottestFunctions } from '../src/profile.js'
import { profilesToMarkdown, toMarkdown, toText } from '../src/report.js'
import { seriesOf } from '../src/statistics.js'
import { machine, resultOf } from './results.js'

function row(bound: Bound | undefined, ours: readonly number[], beside?: readonly number[]): Row {
  return { label: 'p50', unit: 'ms', ours: seriesOf(ours), beside: beside && seriesOf(beside), bound }
}

const missed = row(ratioAtMost(1.3), [1, 2, 9], [1, 1, 1])
const profiles = [{ of: 'legion 1', parts: [{ name: 'send link.js:1', share: 0.625 }] }]

describe('what is wanted of a row', () => {
  it('[BEN5] counts for the ratio of the medians, or for the median', () => {
    expect(isReached(row(ratioAtMost(1.3), [13], [10]))).toBe(true)
    expect(isReached(row(ratioAtMost(1.3), [14], [10]))).toBe(false)
    expect(isReached(row(ratioAtLeast(8), [1, 80, 81], [10]))).toBe(true)
    expect(isReached(row(ratioAtLeast(8), [1, 79, 81], [10]))).toBe(false)
    expect(isReached(row(atMost(40), [40], [1]))).toBe(true)
    expect(isReached(row(atMost(40), [40.1]))).toBe(false)
  })

  it('[BEN5] is neither reached nor missed where nothing is wanted, or nothing stands beside it', () => {
    expect(isReached(row(undefined, [1], [1]))).toBeUndefined()
    expect(isReached(row(ratioAtMost(1.3), [1]))).toBeUndefined()
  })

  it('[BEN5] stands in the report, and whether it is reached; no such column where nothing is wanted', () => {
    const rows = [missed, row(atMost(500), [20]), row(ratioAtLeast(20), [1]), row(undefined, [1])]
    const report = toMarkdown({ machine, benchmarks: [resultOf({ rows })] })
    expect(report).toContain('| p50 | ms | 3 | 2 | 1 – 9 | 1 | 1 – 1 | 2 | ratio ≤ 1.3: **not reached** |')
    expect(report).toContain('| p50 | ms | 1 | 20 | 20 – 20 |  |  |  | ≤ 500 ms: reached |')
    expect(report).toContain('| ratio ≥ 20: not measured |')
    expect(toMarkdown({ machine, benchmarks: [resultOf({ rows: [row(undefined, [1])] })] })).not.toContain('wanted |')
  })
})

describe('what falls short', () => {
  it('[BEN6] has a file of its own, with what was wanted and the hottest functions', () => {
    const result = resultOf({ name: 'call', rows: [missed, row(atMost(500), [20])], profiles })
    const text = profilesToMarkdown(result)
    expect(text).toContain('- p50: ratio 2, wanted ratio ≤ 1.3: **not reached**.')
    expect(text).not.toContain('500')
    expect(text).toContain('## legion 1')
    expect(text).toContain('| 62.5 % | send link.js:1 |')
    expect(toMarkdown({ machine, benchmarks: [result] })).toContain('[profiles/call.md](profiles/call.md)')
    expect(toText(result)).toContain('62.5 %  send link.js:1')
  })

  it('[BEN6] alone is pointed to', () => {
    expect(toMarkdown({ machine, benchmarks: [resultOf({ rows: [missed] })] })).not.toContain('profiles/')
  })
})

describe('the report', () => {
  it('[BEN7] says where the time of each benchmark went, and how long all took', () => {
    const report = toMarkdown({ machine, benchmarks: [resultOf({ name: 'a' }), resultOf({ name: 'b' })] })
    expect(report).toContain('0.5 minutes in all.')
    expect(report).toContain('| a | 1.0 | 2.0 | 3.0 | 4.0 | 5.0 | 15.0 |')
    expect(report).toContain('| b | 1.0 |')
    expect(toText(resultOf({ subjectSeconds: { ping: 0.5 } }))).toContain('Seconds of one run: ping 0.5')
  })
})

describe('the hottest functions of a profile', () => {
  it('[BEN8] are those that ran longest themselves while the process was busy, native ones named after who calls them', () => {
    const directory = mkdtempSync(join(tmpdir(), 'profile-'))
    const path = join(directory, 'some.cpuprofile')
    writeFileSync(path, JSON.stringify(PROFILE))
    try {
      expect(hottestFunctions(path, 2)).toEqual([
        { name: 'native, called by send link.js:8', share: 0.5 },
        { name: 'send link.js:8', share: 0.3 },
      ])
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

const PROFILE = {
  nodes: [
    { id: 1, callFrame: { functionName: '(root)', url: '', lineNumber: -1 }, children: [2, 3, 5] },
    { id: 2, callFrame: { functionName: '(idle)', url: '', lineNumber: -1 } },
    { id: 3, callFrame: { functionName: 'send', url: 'file:///a/link.js', lineNumber: 7 }, children: [4] },
    { id: 4, callFrame: { functionName: 'write', url: '', lineNumber: -1 } },
    { id: 5, callFrame: { functionName: '', url: 'file:///a/mesh.js', lineNumber: 0 } },
  ],
  samples: [2, 3, 4, 5, 3, 4],
  timeDeltas: [1000, 10, 20, 20, 20, 30],
}
