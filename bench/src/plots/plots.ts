import type { PlotName, PlotPoint, Row } from '../benchmark.js'
import { QUANTILES } from '../peer/figures.js'
import type { BenchmarkResult } from '../report.js'
import type { Series } from '../statistics.js'
import { type Axis, drawLineChart, type Line, type LineChart } from './line-chart.js'

/** A picture of what a benchmark measured. */
export interface Plot {
  /** Of its file. */
  readonly name: string
  readonly title: string
  readonly svg: string
}

const PEERS: Axis = { title: 'peers', scale: 'logarithmic', ticks: [3, 8, 24, 64].map(asTick) }
const IN_FLIGHT: Axis = { title: 'in flight', scale: 'logarithmic', ticks: [1, 100, 10_000].map(asTick) }
const PAYLOAD: Axis = { title: 'bytes of a message', scale: 'logarithmic', ticks: [100, 1_024, 16_384].map(asTick) }

type Frame = Omit<LineChart, 'lines'>

const FRAMES: Readonly<Record<PlotName, Frame>> = {
  'channel-throughput': { title: 'Bare data channel, one way', x: PAYLOAD, y: log('MB/s') },
  'consistent-throughput': { title: 'Commands over how many are in flight', x: IN_FLIGHT, y: log('commands/s') },
  'mesh-time': { title: 'Until all reach all', x: PEERS, y: log('ms') },
  'mesh-messages': { title: 'Messages of a broadcast', x: PEERS, y: linear('messages per peer') },
  'mesh-processor': { title: 'An idle peer', x: PEERS, y: linear('% of a core') },
  'mesh-memory': { title: 'Heap of a peer', x: PEERS, y: linear('MiB') },
}

/** All that can be drawn of it; none where there are no figures. */
export function plotsOf({ name, rows, distributions }: BenchmarkResult): Plot[] {
  const names = new Set(rows.flatMap(({ point }) => (point === undefined ? [] : [point.plot])))
  const charts = [...names].map((plot) => draw(plot, { ...FRAMES[plot], lines: linesOf(rows, plot) }))
  if (Object.keys(distributions).length === 0) return charts
  const lines = Object.entries(distributions).map(([label, values]) => distributionLine(label, values))
  const title = `${name}: how long it takes`
  return [draw(`${name}-latency`, { title, x: SHARE, y: log('ms'), lines }), ...charts]
}

const SHARE: Axis = {
  title: 'share that is done by then, in %',
  scale: 'linear',
  ticks: QUANTILES.map(({ fraction }, at) => ({ at, label: String(Number((fraction * 100).toPrecision(4))) })),
}

/** The quantiles stand side by side: what is rare is what is asked for. */
function distributionLine(name: string, values: Readonly<Record<string, Series>>): Line {
  const points = QUANTILES.map((quantile, x) => ({ x, y: values[quantile.name]?.median ?? Number.NaN }))
  return { name, points: points.filter(({ y }) => y > 0) }
}

function linesOf(rows: readonly Row[], plot: PlotName): Line[] {
  const lines = new Map<string, { x: number; y: number }[]>()
  const add = (name: string | undefined, { x }: PlotPoint, series: Series | undefined) => {
    if (name === undefined || series === undefined || !(series.median > 0)) return
    lines.set(name, [...(lines.get(name) ?? []), { x, y: series.median }])
  }
  for (const { point, ours, beside } of rows) {
    if (point?.plot !== plot) continue
    add(point.line, point, ours)
    add(point.besideLine, point, beside)
  }
  return [...lines].map(([name, points]) => ({ name, points: onePerPlace(points) }))
}

/** The same alternative stands beside several rows. */
function onePerPlace(points: readonly { readonly x: number; readonly y: number }[]) {
  return [...new Map(points.map((point) => [point.x, point])).values()].sort((a, b) => a.x - b.x)
}

function draw(name: string, chart: LineChart): Plot {
  return { name, title: chart.title, svg: drawLineChart(chart) }
}

function log(title: string): Axis {
  return { title, scale: 'logarithmic' }
}

function linear(title: string): Axis {
  return { title, scale: 'linear' }
}

function asTick(at: number) {
  return { at, label: at.toLocaleString('en') }
}
