import type { Distribution, Row } from './benchmark.js'
import type { PeerCost } from './lab/lab.js'
import type { Machine } from './machine.js'
import { type Plot, plotsOf } from './plots/plots.js'
import type { Series } from './statistics.js'

export interface Results {
  readonly machine: Machine
  readonly runs: number
  readonly benchmarks: readonly BenchmarkResult[]
}

export interface BenchmarkResult {
  readonly name: string
  readonly about: string
  readonly alternative: string | undefined
  /** What a reader must know of this run, such as what was left out and why. */
  readonly notes: readonly string[]
  readonly seconds: number
  readonly rows: readonly Row[]
  readonly costs: readonly PeerCost[]
  /** By what was measured; as plots only. */
  readonly distributions: Readonly<Record<string, Distribution>>
}

/** Beside the report. */
export const PLOTS_FOLDER = 'plots'
const COST_COLUMNS = ['process', 'CPU seconds', 'peak MiB']

export function toMarkdown({ machine, runs, benchmarks }: Results): string {
  const { cpu, cores, memoryGiB, system, versions } = machine
  const head = [
    '# Results',
    '',
    'Made by `npm run bench`; the figures of every run are in `results.json`.',
    '',
    `Medians of ${runs} interleaved runs after a warm-up, with the lowest and the highest. Every peer is a process of its own.`,
    `CPU seconds are those of the measured runs, peak memory (RSS) is that of the whole process.`,
    '',
    `Machine: ${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}.`,
    `Versions: ${Object.entries(versions)
      .map((entry) => entry.join(' '))
      .join(', ')}.`,
  ]
  return `${[...head, ...benchmarks.flatMap(sectionOf)].join('\n')}\n`
}

function sectionOf(result: BenchmarkResult): string[] {
  const { name, about, alternative, notes, rows, costs } = result
  const figures = markdownTable(figureColumns(alternative), rows.map(figureCells))
  const remarks = notes.flatMap((note) => ['', note])
  return [
    '',
    `## ${name}`,
    '',
    about,
    ...remarks,
    '',
    ...figures,
    ...plotsOf(result).flatMap((plot) => ['', pictureOf(plot)]),
    ...(costs.length === 0 ? [] : ['', ...markdownTable(COST_COLUMNS, costs.map(costCells))]),
  ]
}

function pictureOf({ name, title }: Plot): string {
  return `![${title}](${PLOTS_FOLDER}/${name}.svg)`
}

export function toText({ name, alternative, notes, rows, costs, seconds }: BenchmarkResult): string {
  const figures = textTable(figureColumns(alternative), rows.map(figureCells))
  const processes = textTable(COST_COLUMNS, costs.map(costCells))
  return [`${name} (${seconds.toFixed(0)} s)`, ...notes, '', ...figures, '', ...processes, ''].join('\n')
}

function figureColumns(alternative: string | undefined): string[] {
  return ['', 'unit', 'ours', 'spread', alternative ?? 'nothing beside', 'spread', 'ratio']
}

function figureCells({ label, unit, ours, beside }: Row): string[] {
  const ratio = ours && beside ? format(ours.median / beside.median) : ''
  return [label, unit, median(ours), spread(ours), median(beside), spread(beside), ratio]
}

function costCells({ peer, cpuSeconds, peakRssMiB }: PeerCost): string[] {
  return [peer, format(cpuSeconds), format(peakRssMiB)]
}

function median(series: Series | undefined): string {
  return series === undefined ? '' : format(series.median)
}

function spread(series: Series | undefined): string {
  return series === undefined ? '' : `${format(series.min)} – ${format(series.max)}`
}

/** Three digits that count. */
function format(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en', { maximumFractionDigits: 4 })
}

function markdownTable(columns: readonly string[], rows: readonly string[][]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(columns), line(columns.map((name) => (isText(name) ? '---' : '---:'))), ...rows.map(line)]
}

function isText(column: string): boolean {
  return ['', 'unit', 'process'].includes(column)
}

function textTable(columns: readonly string[], rows: readonly string[][]): string[] {
  const lines = [columns, ...rows]
  const widths = columns.map((_, i) => Math.max(...lines.map((cells) => cells[i]?.length ?? 0)))
  const pad = (cell: string, i: number) =>
    isText(columns[i] ?? '') ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)
  return lines.map((cells) => cells.map(pad).join('  ').trimEnd())
}
