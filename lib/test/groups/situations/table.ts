import { type Claim, type Claims, cells } from './cells.js'
import { type Count, type SituationName, situations } from './situations.js'
import type { Kind } from './world.js'

const COUNTS = [1, 2, 3, 5] as const satisfies readonly Count[]

const KINDS: Record<Kind, string> = {
  tabs: 'Tabs of one browser, in memory',
  node: 'Node processes, in memory',
  durable: 'Node processes, on disk',
}

const HEAD = `# What happens when

What users see when something happens to some of the peers, in the simulator: links of 1 to 20 ms, default options. Made
by \`node scripts/situations-table.mjs\` from \`lib/test/groups/situations/cells.ts\`; each cell is a test, whose title
begins with the id of the row.

A cell tells how many seconds the slowest command, the slowest read, and the slowest change of a document on its way to
all peers of its side may take, of those that are begun in the very moment and during the next 3 to 12 seconds. *fail*:
with E_NO_QUORUM when their time is up, unless they are begun in the first second and get through; \`peek\` answers.
In every cell no acknowledged command is lost or applied twice, and no read is older than what was acknowledged before
it. Only when all copies are gone is that over: those who kept their state in memory found a new cluster, and documents,
which are only in memory, start empty.

- **others**: those to whom it did not happen. **it**: who comes back, first or alone. **back**, **healed**, **awake**,
  **all**: everybody, once it is over; the documents of all sides are merged by then.
- Of two peers one is a voter and has the quorum, the other one a learner.
- Who closes with its state on disk may come back, and keeps its vote: of two such peers the one without a vote waits for
  it. Who leaves for good gives it up.
- Who closes is missed at once, who crashed or is cut off after seconds. When only one of two copies that are wanted is
  there, commands wait for the other one until it is clear that it does not come.
- In memory, who comes back after a crash is somebody new: a majority that crashed stays lost.
`

export interface Cell {
  readonly situation: SituationName
  readonly kind: Kind
  readonly count: Count
  readonly claims: Claims
}

/** In the order of the table. */
export function allCells(): Cell[] {
  return Object.entries(cells).flatMap(([situation, kinds]) =>
    Object.entries(kinds).flatMap(([kind, counts]) =>
      Object.entries(counts).map(([count, claims]) => ({
        situation: situation as SituationName,
        kind: kind as Kind,
        count: Number(count) as Count,
        claims,
      })),
    ),
  )
}

export function titleOf({ situation, kind, count, claims }: Cell): string {
  const sides = Object.entries(claims).map(([side, claim]) => `${side}: ${sentenceOf(claim)}`)
  return `${situations[situation].title} (${count}, ${KINDS[kind]}): ${sides.join('; ')}`
}

export function renderTable(): string {
  return HEAD + (Object.keys(KINDS) as Kind[]).map(renderKind).join('')
}

function renderKind(kind: Kind): string {
  const columns = COUNTS.map((count) => (count === 1 ? '1 peer' : `${count} peers`))
  const head = `| | ${columns.join(' | ')} |\n|---|---|---|---|---|\n`
  const rows = (Object.keys(situations) as SituationName[]).map((name) => {
    const texts = COUNTS.map((count) => renderCell(cells[name][kind][count]))
    return `| ${situations[name].title.replaceAll(/[[\]]/g, '`')} | ${texts.join(' | ')} |\n`
  })
  return `\n## ${KINDS[kind]}\n\nCommands · reads · documents:\n\n${head}${rows.join('')}`
}

function renderCell(claims: Claims | undefined): string {
  if (claims === undefined) return '–'
  return Object.entries(claims)
    .map(([side, claim]) => `**${side}** ${shortOf(claim)}`)
    .join('<br>')
}

function shortOf({ commandsMs, readsMs, documentsMs, peeks }: Claim): string {
  const texts = [commandsMs, readsMs, documentsMs].map((ms) => (ms === undefined ? 'fail' : `${ms / 1000}`))
  return `${texts.join(' · ')} s${peeks ? '' : ', no state at the new ones'}`
}

function sentenceOf({ commandsMs, readsMs, documentsMs, peeks }: Claim): string {
  const agreed = (what: string, ms: number | undefined) =>
    ms === undefined ? `${what} fail with E_NO_QUORUM` : `${what} take ${seconds(ms)}`
  const peek = peeks ? '' : ', no state at the new ones'
  return `${agreed('commands', commandsMs)}, ${agreed('reads', readsMs)}, documents ${seconds(documentsMs)}${peek}`
}

function seconds(ms: number): string {
  return `${ms / 1000} s`
}
