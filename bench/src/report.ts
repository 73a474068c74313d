import type { Distribution, Row } from './benchmark.js'
import { isReached, ratioOf } from './bound.js'
import type { PeerCost } from './lab/lab.js'
import { PHASES, type PhaseSeconds } from './lab/stopwatch.js'
import type { Machine } from './machine.js'
import { type Plot, plotsOf } from './plots/plots.js'
import type { Profile } from './profile.js'
import type { Series } from './statistics.js'

export interface Results {
  readonly machine: Machine
  readonly benchmarks: readonly BenchmarkResult[]
}

export interface BenchmarkResult {
  readonly name: string
  readonly about: string
  readonly alternative: string | undefined
  /** What a reader must know of this run, such as what was left out and why. */
  readonly notes: readonly string[]
  readonly seconds: PhaseSeconds
  /** Of one run of each subject. */
  readonly subjectSeconds: Readonly<Record<string, number>>
  readonly rows: readonly Row[]
  readonly costs: readonly PeerCost[]
  /** By what was measured; as plots only. */
  readonly distributions: Readonly<Record<string, Distribution>>
  /** Of one more run, if something wanted was not reached. */
  readonly profiles: readonly Profile[]
}

/** Beside the report. */
export const PLOTS_FOLDER = 'plots'
export const PROFILES_FOLDER = 'profiles'
const COST_COLUMNS = ['process', 'CPU seconds', 'peak MiB']
const TIME_COLUMNS = ['benchmark', ...PHASES, 'seconds']

export function toMarkdown({ machine, benchmarks }: Results): string {
  const { cpu, cores, memoryGiB, system, load, versions } = machine
  const head = [
    '# Results',
    '',
    'Made by `npm run bench`; the figures of every run are in `results.json`. [README.md](README.md) says how it measures.',
    '',
    'Each figure is the median of so many runs as stand beside it, interleaved with those of the others in its table, with the',
    'lowest and the highest. Every peer is a process of its own. CPU seconds are those of the measured runs, peak memory (RSS)',
    'is that of the whole process. What is wanted counts for the medians, or their ratio.',
    '',
    `Machine: ${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}; load before it began: ${load.toFixed(1)}.`,
    `Versions: ${Object.entries(versions)
      .map((entry) => entry.join(' '))
      .join(', ')}.`,
  ]
  return `${[...head, ...benchmarks.flatMap(sectionOf), ...timesOf(benchmarks)].join('\n')}\n`
}

function sectionOf(result: BenchmarkResult): string[] {
  const { name, about, notes, costs, profiles } = result
  const explained = `What was not reached, and what takes most there: [${PROFILES_FOLDER}/${name}.md](${PROFILES_FOLDER}/${name}.md).`
  const remarks = [...notes, ...(profiles.length === 0 ? [] : [explained])].flatMap((note) => ['', note])
  return [
    '',
    `## ${name}`,
    '',
    about,
    ...remarks,
    '',
    ...figuresOf(result, markdownTable),
    ...plotsOf(result).flatMap((plot) => ['', pictureOf(plot)]),
    ...(costs.length === 0 ? [] : ['', ...markdownTable(COST_COLUMNS, costs.map(costCells))]),
  ]
}

/** What falls short, and the profile that says why. */
export function profilesToMarkdown({ name, rows, profiles }: BenchmarkResult): string {
  const missed = rows.filter((row) => isReached(row) === false)
  const head = [
    `# ${name}: what takes most`,
    '',
    'After what was measured: of one more run, or of the bytes. Made by `npm run bench`.',
  ]
  const bounds = missed.map((row) => `- ${row.label}: ${medianOf(row)}, wanted ${wanted(row)}.`)
  const tables = profiles.flatMap(({ of, parts }) => [
    '',
    `## ${of}`,
    '',
    ...markdownTable(
      ['share', ''],
      parts.map(({ name, share }) => [percent(share), name]),
    ),
  ])
  return `${[...head, ...(bounds.length === 0 ? [] : ['', ...bounds]), ...tables].join('\n')}\n`
}

function medianOf(row: Row): string {
  const ratio = ratioOf(row)
  return row.bound?.of === 'ratio' && ratio !== undefined ? `ratio ${format(ratio)}` : `${median(row.ours)} ${row.unit}`
}

function pictureOf({ name, title }: Plot): string {
  return `![${title}](${PLOTS_FOLDER}/${name}.svg)`
}

export function toText(result: BenchmarkResult): string {
  const { name, notes, costs, seconds, subjectSeconds, profiles } = result
  const phases = PHASES.map((phase) => `${phase} ${format(seconds[phase])}`).join(', ')
  const subjects = Object.entries(subjectSeconds).map(([subject, each]) => `${subject} ${format(each)}`)
  return [
    `${name}: ${total(seconds).toFixed(0)} s (${phases})`,
    ...(subjects.length === 0 ? [] : [`Seconds of one run: ${subjects.join(', ')}`]),
    ...notes,
    '',
    ...figuresOf(result, textTable),
    '',
    ...textTable(COST_COLUMNS, costs.map(costCells)),
    '',
    ...profiles.flatMap(profileText),
  ].join('\n')
}

function profileText({ of, parts }: Profile): string[] {
  return [`${of}:`, ...parts.map(({ name, share }) => `  ${percent(share).padStart(7)}  ${name}`), '']
}

function timesOf(benchmarks: readonly BenchmarkResult[]): string[] {
  const cells = ({ name, seconds }: BenchmarkResult) => [
    name,
    ...PHASES.map((phase) => seconds[phase].toFixed(1)),
    total(seconds).toFixed(1),
  ]
  const all = benchmarks.reduce((sum, { seconds }) => sum + total(seconds), 0)
  return [
    '',
    '## Time',
    '',
    `${(all / 60).toFixed(1)} minutes in all.`,
    '',
    ...markdownTable(TIME_COLUMNS, benchmarks.map(cells)),
  ]
}

export function total(seconds: PhaseSeconds): number {
  return PHASES.reduce((sum, phase) => sum + seconds[phase], 0)
}

type Table = (columns: readonly string[], rows: readonly string[][]) => string[]

function figuresOf({ alternative, rows }: BenchmarkResult, table: Table): string[] {
  const isWanted = rows.some(({ bound }) => bound !== undefined)
  const columns = ['', 'unit', 'runs', 'ours', 'spread', alternative ?? 'nothing beside', 'spread', 'ratio']
  const cells = rows.map((row) => [...figureCells(row), ...(isWanted ? [wanted(row)] : [])])
  return table([...columns, ...(isWanted ? ['wanted'] : [])], cells)
}

function figureCells(row: Row): string[] {
  const { label, unit, ours, beside } = row
  const ratio = ratioOf(row)
  const runs = (ours ?? beside)?.runs.length
  const shownRatio = ratio === undefined ? '' : format(ratio)
  return [label, unit, String(runs ?? ''), median(ours), spread(ours), median(beside), spread(beside), shownRatio]
}

function wanted(row: Row): string {
  const { bound, unit } = row
  if (bound === undefined) return ''
  const sign = bound.is === 'at most' ? '≤' : '≥'
  const limit = bound.of === 'ratio' ? `ratio ${sign} ${bound.limit}` : `${sign} ${bound.limit} ${unit}`
  const reached = isReached(row)
  if (reached === undefined) return `${limit}: not measured`
  return `${limit}: ${reached ? 'reached' : '**not reached**'}`
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

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function markdownTable(columns: readonly string[], rows: readonly string[][]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(columns), line(columns.map((name) => (isText(name) ? '---' : '---:'))), ...rows.map(line)]
}

function isText(column: string): boolean {
  return ['', 'unit', 'process', 'benchmark', 'wanted'].includes(column)
}

function textTable(columns: readonly string[], rows: readonly string[][]): string[] {
  const lines = [columns, ...rows]
  const widths = columns.map((_, i) => Math.max(...lines.map((cells) => cells[i]?.length ?? 0)))
  const pad = (cell: string, i: number) =>
    isText(columns[i] ?? '') ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)
  return lines.map((cells) => cells.map(pad).join('  ').trimEnd())
}
