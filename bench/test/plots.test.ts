import { describe, expect, it } from 'vitest'
import type { Row } from '../src/benchmark.js'
import { latencyOf } from '../src/peer/figures.js'
import { plotsOf } from '../src/plots/plots.js'
import { toMarkdown } from '../src/report.js'
import { seriesOf } from '../src/statistics.js'
import { machine, resultOf } from './results.js'

const rate = (inFlight: number): Row => ({
  label: `memory, ${inFlight} in flight`,
  unit: 'commands/s',
  ours: seriesOf([inFlight * 10]),
  beside: seriesOf([inFlight]),
  point: { plot: 'consistent-throughput', x: inFlight, line: 'memory', besideLine: 'etcd' },
})

const samples = Array.from({ length: 1_000 }, (_, i) => i + 1)

describe('the plots of a benchmark', () => {
  it('[BEN3] draw its throughput, ours and what stands beside it, each in a line of its own', () => {
    const [plot, ...others] = plotsOf(resultOf({ rows: [rate(1), rate(100), rate(10_000)] }))
    expect(others).toEqual([])
    expect(plot?.name).toBe('consistent-throughput')
    expect(plot?.svg.match(/<circle/g)).toHaveLength(6)
    expect(plot?.svg).toContain('>memory<')
    expect(plot?.svg).toContain('>etcd<')
  })

  it('[BEN3] draw how its latencies are distributed, from what the results keep', () => {
    const latency = Object.entries(latencyOf(samples)).map(([name, value]) => [name, seriesOf([value])])
    const kept = JSON.parse(JSON.stringify({ call: Object.fromEntries(latency) }))
    const [plot] = plotsOf(resultOf({ name: 'call', distributions: kept }))
    expect(plot?.name).toBe('call-latency')
    expect(plot?.svg.match(/<circle/g)).toHaveLength(8)
  })

  it('[BEN3] are none where nothing is to be drawn, and leave out what was not measured', () => {
    const { point, ...plain } = rate(1)
    expect(plotsOf(resultOf({ rows: [plain] }))).toEqual([])
    const [plot] = plotsOf(resultOf({ rows: [{ ...plain, beside: undefined, point }] }))
    expect(plot?.svg.match(/<circle/g)).toHaveLength(1)
  })

  it('[BEN4] stand in the report below the figures', () => {
    const report = toMarkdown({ machine, benchmarks: [resultOf({ rows: [rate(1)] })] })
    expect(report).toContain('| memory, 1 in flight | commands/s | 1 | 10 | 10 – 10 | 1 | 1 – 1 | 10 |')
    expect(report).toContain('![Commands over how many are in flight](plots/consistent-throughput.svg)')
  })

  it('[BEN4] come from quantiles of what was measured', () => {
    const { p1, p50, p999 } = latencyOf(samples)
    expect([p1, p50, p999]).toEqual([expect.closeTo(11, 0), 500.5, expect.closeTo(999, 0)])
  })
})
