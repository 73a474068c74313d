import { setTimeout as sleep } from 'node:timers/promises'
import type { Benchmark, Row } from '../benchmark.js'
import { type Bound, ratioAtLeast } from '../bound.js'
import { type DocumentTab, DocumentTabs } from '../lab/document-tabs.js'
import type { Lab } from '../lab/lab.js'
import type { Edit, WriteOptions } from '../page/documents.js'
import type { Library } from '../page/shared-document.js'
import type { Series } from '../statistics.js'

const LIBRARIES = ['legion-mesh', 'y-webrtc'] as const satisfies readonly Library[]
const GIVE_UP_MS = 8_000
/** Of openings that take some tens of milliseconds. */
const SHARE_WITHIN_MS = 3_000
const FIRST_SYNCS = [
  { label: '0.1 MB', characters: 100_000 },
  { label: '10 MB', characters: 10_000_000 },
] as const

interface Case {
  readonly label: string
  readonly write: WriteOptions
}

const MAP_SETS = 5_000
const TEXT_INSERTS = 20_000
/** y-webrtc takes a quarter of a minute for all. */
const WARM_UP_EDITS = 1_000

export const docMap: Benchmark = docWrites('doc-map', 'map sets', 'map', MAP_SETS, ratioAtLeast(10))
export const docText: Benchmark = docWrites('doc-text', 'text inserts', 'text', TEXT_INSERTS)

export const docFirstSync: Benchmark = {
  name: 'doc-firstsync',
  about:
    'A document in one Chromium tab; another tab opens it: until it has all of it, connecting included. Beside it y-webrtc.',
  alternative: 'y-webrtc',
  async run(lab) {
    const tabs = await startTabs(lab)
    const cases = lab.select(FIRST_SYNCS)
    let runs = 0
    const subjects: Record<string, () => Promise<FirstSync>> = {}
    for (const { label, characters } of cases) {
      for (const library of LIBRARIES) {
        subjects[`${library}, ${label}`] = unlessItGaveUp(async () =>
          firstSync(await tabs.pair(library), `first-${++runs}`, characters),
        )
      }
    }
    const measured = await lab.measure(subjects)
    return cases.flatMap(({ label }) => {
      const [ours, beside] = LIBRARIES.map((library) => measured[`${library}, ${label}`])
      if (beside === undefined || Number.isNaN(beside.tookMs.median)) {
        lab.note(
          `y-webrtc did not get ${label} across within ${GIVE_UP_MS / 1000} s: it sends them as one message. It was not asked again.`,
        )
      }
      return [
        { label, unit: 'ms', ours: ours?.tookMs, beside: unlessNaN(beside?.tookMs) },
        {
          label: `${label}: CPU of both tabs`,
          unit: 's',
          ours: ours?.cpuSeconds,
          beside: unlessNaN(beside?.cpuSeconds),
        },
        { label: `${label}: sent by both tabs`, unit: 'KiB', ours: ours?.sentKiB, beside: unlessNaN(beside?.sentKiB) },
      ]
    })
  },
}

function docWrites(name: string, what: string, edit: Edit, count: number, bound?: Bound): Benchmark {
  const cases: readonly Case[] = [
    { label: `${what}, one task for all`, write: { edit, count, apart: false } },
    { label: `${what}, one task each`, write: { edit, count, apart: true } },
  ]
  return {
    name,
    about: `${count.toLocaleString('en')} ${what} in one Chromium tab, until another tab has them. Beside it y-webrtc.`,
    alternative: 'y-webrtc',
    run: (lab) => runWrites(lab, lab.select(cases), bound),
  }
}

async function runWrites(lab: Lab, cases: readonly Case[], bound: Bound | undefined): Promise<Row[]> {
  const tabs = await startTabs(lab)
  const openings = new Openings()
  const subjects: Record<string, () => Promise<Figures>> = {}
  const warmUp: typeof subjects = {}
  for (const { label, write } of cases) {
    for (const library of LIBRARIES) {
      const pair = await tabs.pair(library)
      const name = `${library}, ${label}`
      subjects[name] = () => writeOnce(pair, openings, write)
      warmUp[name] = () => writeOnce(pair, openings, { ...write, count: WARM_UP_EDITS })
    }
  }
  const measured = await lab.measure(subjects, warmUp)
  openings.explain(lab)
  return cases.flatMap(({ label }) => {
    const [ours, beside] = LIBRARIES.map((library) => measured[`${library}, ${label}`])
    return [
      { label, unit: 'updates/s', ours: ours?.rate, beside: beside?.rate, bound },
      { label: `${label}: CPU of both tabs`, unit: 's', ours: ours?.cpuSeconds, beside: beside?.cpuSeconds },
      { label: `${label}: sent by both tabs`, unit: 'KiB', ours: ours?.sentKiB, beside: beside?.sentKiB },
    ]
  })
}

async function startTabs(lab: Lab): Promise<DocumentTabs> {
  const tabs = await DocumentTabs.start(await lab.signalingUrl(), (tab) => lab.canProfile(tab))
  lab.onStop(() => tabs.stop())
  return tabs
}

type Pair = readonly [DocumentTab, DocumentTab]

type FirstSync = { readonly tookMs: number; readonly cpuSeconds: number; readonly sentKiB: number }

type Figures = { readonly rate: number; readonly cpuSeconds: number; readonly sentKiB: number }

/**
 * Documents that are open in both tabs. Of y-webrtc's, one in a hundred never is: where both tabs dial at once, each may
 * miss what the other says first, and neither asks again. Then another one is opened, whatever the library.
 */
class Openings {
  readonly #inVain = new Map<string, number>()
  #count = 0

  async open(tabs: Pair): Promise<void> {
    const name = `document-${++this.#count}`
    await Promise.all(tabs.map((tab) => tab.open(name)))
    const isShared = Promise.all(tabs.map((tab) => tab.shared())).then(() => true)
    if (await Promise.race([isShared, sleep(SHARE_WITHIN_MS, false, { ref: false })])) return
    await Promise.all(tabs.map((tab) => tab.close()))
    const { library } = tabs[0]
    this.#inVain.set(library, (this.#inVain.get(library) ?? 0) + 1)
    await this.open(tabs)
  }

  explain(lab: Lab): void {
    for (const [library, count] of this.#inVain) {
      lab.note(
        `${library}: ${count} of ${this.#count} documents were not shared after ${SHARE_WITHIN_MS / 1000} s. Others were opened instead.`,
      )
    }
  }
}

/** Each time in a new document, which is closed again. */
async function writeOnce([writer, reader]: Pair, openings: Openings, write: WriteOptions): Promise<Figures> {
  await openings.open([writer, reader])
  const costs = await startCosts([writer, reader])
  const complete = reader.has(write.count)
  const startMs = await writer.write(write)
  const tookMs = (await complete) - startMs
  const spent = await costs()
  await Promise.all([writer.close(), reader.close()])
  return { rate: (write.count / tookMs) * 1000, ...spent }
}

async function firstSync([holder, other]: Pair, name: string, characters: number): Promise<FirstSync> {
  await holder.open(name, characters)
  const costs = await startCosts([holder, other])
  const startMs = performance.timeOrigin + performance.now()
  await other.open(name)
  const endMs = await Promise.race([other.has(characters / 1_000), giveUp()])
  const spent = await costs()
  await Promise.all([holder.close(), other.close()])
  const isComplete = !Number.isNaN(endMs)
  return {
    tookMs: endMs - startMs,
    cpuSeconds: isComplete ? spent.cpuSeconds : Number.NaN,
    sentKiB: isComplete ? spent.sentKiB : Number.NaN,
  }
}

/** Who could not do it once is not waited for again. */
function unlessItGaveUp(once: () => Promise<FirstSync>): () => Promise<FirstSync> {
  let last: FirstSync | undefined
  return async () => {
    if (last === undefined || !Number.isNaN(last.tookMs)) last = await once()
    return last
  }
}

function giveUp(): Promise<number> {
  return sleep(GIVE_UP_MS, Number.NaN, { ref: false })
}

/** @returns what the tabs cost from now on until it is called */
async function startCosts(tabs: Pair) {
  const before = await costsOf(tabs)
  return async () => {
    const after = await costsOf(tabs)
    return { cpuSeconds: after.cpuSeconds - before.cpuSeconds, sentKiB: (after.bytes - before.bytes) / 1024 }
  }
}

async function costsOf(tabs: Pair) {
  const [cpu, bytes] = [
    await Promise.all(tabs.map((tab) => tab.cpuSeconds())),
    await Promise.all(tabs.map((tab) => tab.sentBytes())),
  ]
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  return { cpuSeconds: sum(cpu), bytes: sum(bytes) }
}

function unlessNaN(series: Series | undefined): Series | undefined {
  return series === undefined || Number.isNaN(series.median) ? undefined : series
}
