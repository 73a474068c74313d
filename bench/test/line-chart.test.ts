import { describe, expect, it } from 'vitest'
import { drawLineChart, type LineChart } from '../src/plots/line-chart.js'

const chart: LineChart = {
  title: 'Speed <of> "all" & more',
  x: { title: 'peers', scale: 'logarithmic', ticks: [1, 10, 100].map((at) => ({ at, label: `${at}` })) },
  y: { title: 'ms', scale: 'linear' },
  lines: [
    { name: 'ours', points: [1, 10, 100].map((x) => ({ x, y: x })) },
    { name: 'theirs', points: [{ x: 1, y: 50 }] },
  ],
}

describe('a line chart', () => {
  it('[BEN2] names its lines, its axes and itself, and escapes what it is given', () => {
    const texts = [...drawLineChart(chart).matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text)
    expect(texts).toEqual(
      expect.arrayContaining([
        'Speed &lt;of&gt; &quot;all&quot; &amp; more',
        'peers',
        'ms',
        'ours',
        'theirs',
        '100',
        '0',
      ]),
    )
  })

  it('[BEN2] is well-formed: each element that is opened is closed', () => {
    const open: string[] = []
    for (const [, slash, name = '', rest = ''] of drawLineChart(chart).matchAll(/<(\/?)([a-z]+)([^>]*)>/g)) {
      if (slash === '/') expect(open.pop()).toBe(name)
      else if (!rest.endsWith('/')) open.push(name)
    }
    expect(open).toEqual([])
  })

  it('[BEN2] has points where the axes say: decades as far apart as each other, more is higher', () => {
    const [a, b, c] = dotsOf(drawLineChart(chart))
    expect(b.x - a.x).toBeCloseTo(c.x - b.x, 0)
    expect(b.x).toBeGreaterThan(a.x)
    expect(a.y).toBeGreaterThan(b.y)
    expect(b.y).toBeGreaterThan(c.y)
    expect((a.y - c.y) / (a.y - b.y)).toBeCloseTo(99 / 9, 0)
  })

  it('[BEN2] can be read in light and dark', () => {
    expect(drawLineChart(chart)).toContain('prefers-color-scheme:dark')
  })
})

function dotsOf(svg: string) {
  const dots = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => ({
    x: Number(x),
    y: Number(y),
  }))
  const [a, b, c] = dots
  if (a === undefined || b === undefined || c === undefined) throw new Error(`${dots.length} dots`)
  return [a, b, c] as const
}
