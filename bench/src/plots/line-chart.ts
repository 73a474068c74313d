export interface LineChart {
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly lines: readonly Line[]
}

export interface Axis {
  readonly title: string
  readonly scale: 'linear' | 'logarithmic'
  /** Where the axis is labelled, ascending; default: where it is round. */
  readonly ticks?: readonly Tick[] | undefined
}

export interface Tick {
  readonly at: number
  readonly label: string
}

export interface Line {
  readonly name: string
  /** In the order of x. On a logarithmic axis all above zero. */
  readonly points: readonly Point[]
}

export interface Point {
  readonly x: number
  readonly y: number
}

const WIDTH = 720
const HEIGHT = 380
const AREA = { left: 70, right: 500, top: 40, bottom: 320 }
const LEGEND = { left: 520, top: 52, step: 22 }
const LINEAR_TICKS = 5
/** Told apart by those who see few colours too (Okabe and Ito 2008), and on white as on black. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8a7f00', '#7a5cff']
const STYLE = `text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-weight:600;font-size:14px}
.grid{stroke:#d0d7de}.line{fill:none;stroke-width:2}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.grid{stroke:#3d444d}}`

/** A picture of lines over one axis, as an SVG document that can be read on white and, where it is wanted, on black. */
export function drawLineChart({ title, x, y, lines }: LineChart): string {
  const points = lines.flatMap((line) => line.points)
  const across = scaleOf(
    x,
    points.map((point) => point.x),
    [AREA.left, AREA.right],
  )
  const up = scaleOf(
    y,
    points.map((point) => point.y),
    [AREA.bottom, AREA.top],
  )
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}</style>`,
    text(AREA.left, 22, title, 'class="title"'),
    ...across.ticks.flatMap(({ at, label }) => xTick(across.place(at), label)),
    ...up.ticks.flatMap(({ at, label }) => yTick(up.place(at), label)),
    text((AREA.left + AREA.right) / 2, HEIGHT - 14, x.title, 'text-anchor="middle"'),
    text(0, 0, y.title, `text-anchor="middle" transform="translate(16 ${(AREA.top + AREA.bottom) / 2}) rotate(-90)"`),
    ...lines.flatMap((line, i) => drawLine(line, COLOURS[i % COLOURS.length] ?? '', across, up)),
    ...lines.flatMap(({ name }, i) => legend(name, COLOURS[i % COLOURS.length] ?? '', i)),
    '</svg>',
  ]
  return `${parts.join('\n')}\n`
}

interface Scale {
  readonly ticks: readonly Tick[]
  place(value: number): number
}

function scaleOf({ scale, ticks }: Axis, values: readonly number[], [from, to]: readonly [number, number]): Scale {
  const marks = ticks ?? (scale === 'linear' ? linearTicks(values) : decades(values))
  const measure = scale === 'linear' ? (value: number) => value : Math.log10
  const ends = [...values, ...marks.map(({ at }) => at)].map(measure)
  const [low, high] = [Math.min(...ends), Math.max(...ends)]
  const place = (value: number) => from + ((measure(value) - low) / (high - low || 1)) * (to - from)
  return { ticks: marks, place }
}

/** From zero on, in steps of 1, 2 or 5 of some decade. */
function linearTicks(values: readonly number[]): Tick[] {
  const rough = Math.max(...values, Number.MIN_VALUE) / LINEAR_TICKS
  const decade = 10 ** Math.floor(Math.log10(rough))
  const step = decade * ([1, 2, 5, 10].find((times) => times * decade >= rough) ?? 10)
  const count = Math.ceil(Math.max(...values) / step)
  return Array.from({ length: count + 1 }, (_, i) => tickAt(i * step))
}

function decades(values: readonly number[]): Tick[] {
  const first = Math.floor(Math.log10(Math.min(...values)))
  const last = Math.ceil(Math.log10(Math.max(...values)))
  return Array.from({ length: last - first + 1 }, (_, i) => tickAt(10 ** (first + i)))
}

function tickAt(value: number): Tick {
  return { at: value, label: Number(value.toPrecision(3)).toLocaleString('en', { maximumFractionDigits: 6 }) }
}

function drawLine({ points }: Line, colour: string, across: Scale, up: Scale): string[] {
  const places = points.map(({ x, y }) => [round(across.place(x)), round(up.place(y))] as const)
  const path = places.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join('')
  const dots = places.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3" fill="${colour}"/>`)
  return [`<path class="line" stroke="${colour}" d="${path}"/>`, ...dots]
}

function legend(name: string, colour: string, index: number): string[] {
  const y = LEGEND.top + index * LEGEND.step
  return [
    `<path class="line" stroke="${colour}" d="M${LEGEND.left} ${y - 4}h18"/>`,
    text(LEGEND.left + 24, y, name, ''),
  ]
}

function xTick(x: number, label: string): string[] {
  return [
    `<path class="grid" d="M${round(x)} ${AREA.top}V${AREA.bottom}"/>`,
    text(round(x), AREA.bottom + 18, label, 'text-anchor="middle"'),
  ]
}

function yTick(y: number, label: string): string[] {
  return [
    `<path class="grid" d="M${AREA.left} ${round(y)}H${AREA.right}"/>`,
    text(AREA.left - 6, round(y) + 4, label, 'text-anchor="end"'),
  ]
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escaped(content)}</text>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(content: string): string {
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return content.replaceAll(/[&<>"]/g, (character) => names[character] ?? character)
}
