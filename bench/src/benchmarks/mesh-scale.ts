import { setTimeout } from 'node:timers/promises'
import type { Benchmark, PlotName, Row } from '../benchmark.js'
import type { Lab } from '../lab/lab.js'
import type { PeerProcess } from '../lab/peer-process.js'
import { type Series, seriesOfOne } from '../statistics.js'
import { recordOf, STACK } from './common.js'

/** Takes half a minute, so it is measured once, and last. */
const HUGE = 64
const SIZES = [3, 8, 24, HUGE]
const QUICK_SIZES = [3, 8, 24]
const PER_PROCESS_MAX = 16
const BROADCASTS = 20
const SETTLE_MS = 1_000
const IDLE_MS = 1_000
const LOOK_MS = 50
/** Broadcasts that were lost are repaired within this time. */
const HEARD_MAX_MS = 10_000

interface Case {
  readonly label: string
  readonly size: number
}

export const meshScale: Benchmark = {
  name: 'mesh-scale',
  about: `So many Node peers of one cluster, up to ${PER_PROCESS_MAX} per process: from the moment all of them begin until each can call each, directly or over others; the messages that a broadcast costs for each peer that hears it, of which 1 is the least; and what a peer costs that has nothing to do but keep its links. ${HUGE} peers once, after the others.`,
  alternative: undefined,
  async run(lab) {
    const cases = lab.select((lab.quick ? QUICK_SIZES : SIZES).map((size): Case => ({ label: `${size} peers`, size })))
    const processes = Array.from({ length: Math.ceil(Math.max(...cases.map(({ size }) => size)) / PER_PROCESS_MAX) })
    const crowds = processes.map((_, i) => lab.idlePeer(`crowd ${i + 1}`))
    let meshes = 0
    const subjects = recordOf(
      cases,
      ({ size }) =>
        () =>
          measureMesh(lab, crowds, size, `mesh-${++meshes}`),
    )
    const { [`${HUGE} peers`]: huge, ...others } = subjects
    const smallest = Object.fromEntries(Object.entries(others).slice(0, 1))
    const measured = await lab.measure(others, smallest)
    const once = huge && seriesOfOne(await lab.measureOnce(huge))
    return cases.flatMap((each) => rowsOf(each, measured[each.label] ?? once))
  },
}

type Figures = {
  readonly wholeMs: number
  readonly messages: number
  readonly cpuPercent: number
  readonly memoryMiB: number
}

async function measureMesh(lab: Lab, all: readonly PeerProcess[], size: number, cluster: string): Promise<Figures> {
  const crowds = all.slice(0, Math.ceil(size / PER_PROCESS_MAX))
  const settings = { ...(await lab.joinSettings(STACK, 'memory', cluster)), cluster }
  const startMs = performance.now()
  await Promise.all(crowds.map((crowd, i) => crowd.ask('openCrowd', settings, shareOf(size, crowds.length, i))))
  await untilWhole(crowds, size)
  const wholeMs = performance.now() - startMs
  await setTimeout(SETTLE_MS)
  const cpuPercent = (await idleCpu(crowds)) / size
  const messages = await messagesOf(lab, crowds, size)
  const open = await usedBytes(crowds)
  await Promise.all(crowds.map((crowd) => crowd.ask('closeCrowd')))
  await setTimeout(SETTLE_MS)
  const memoryMiB = (open - (await usedBytes(crowds))) / size / 2 ** 20
  return { wholeMs, messages, cpuPercent, memoryMiB }
}

function shareOf(size: number, count: number, index: number): number {
  return Math.floor(size / count) + (index < size % count ? 1 : 0)
}

async function untilWhole(crowds: readonly PeerProcess[], size: number): Promise<void> {
  for (;;) {
    const reached = await Promise.all(crowds.map((crowd) => crowd.ask('leastReached')))
    if (Math.min(...reached) === size - 1) return
    await setTimeout(LOOK_MS)
  }
}

/** Of all peers together. */
async function idleCpu(crowds: readonly PeerProcess[]): Promise<number> {
  const cpuSeconds = async () => {
    const costs = await Promise.all(crowds.map((crowd) => crowd.ask('cost')))
    return costs.reduce((sum, cost) => sum + cost.cpuSeconds, 0)
  }
  const [before, startMs] = [await cpuSeconds(), performance.now()]
  await setTimeout(IDLE_MS)
  return (((await cpuSeconds()) - before) * 100_000) / (performance.now() - startMs)
}

/** For one broadcast and each peer that hears it. */
async function messagesOf(lab: Lab, crowds: readonly PeerProcess[], size: number): Promise<number> {
  const counts = async () => {
    const each = await Promise.all(crowds.map((crowd) => crowd.ask('broadcastCounts')))
    return each.reduce((sum, { heard, sent }) => ({ heard: sum.heard + heard, sent: sum.sent + sent }))
  }
  const before = await counts()
  await crowds[0]?.ask('broadcastOften', BROADCASTS)
  const wanted = BROADCASTS * (size - 1)
  const endMs = performance.now() + HEARD_MAX_MS
  let after = await counts()
  while (after.heard - before.heard < wanted && performance.now() < endMs) {
    await setTimeout(LOOK_MS)
    after = await counts()
  }
  if (after.heard - before.heard !== wanted) {
    lab.note(`${size} peers: of ${wanted} times that a broadcast should be heard it was ${after.heard - before.heard}.`)
  }
  return (after.sent - before.sent) / wanted
}

async function usedBytes(crowds: readonly PeerProcess[]): Promise<number> {
  const each = await Promise.all(crowds.map((crowd) => crowd.ask('usedMemory')))
  return each.reduce((sum, bytes) => sum + bytes, 0)
}

function rowsOf({ label, size: x }: Case, figures: { readonly [F in keyof Figures]: Series } | undefined): Row[] {
  const beside = undefined
  const point = (plot: PlotName) => ({ plot, x, line: 'legion-mesh' })
  return [
    { label: `${label}: all reach all`, unit: 'ms', ours: figures?.wholeMs, beside, point: point('mesh-time') },
    {
      label: `${label}: messages per broadcast and peer`,
      unit: 'messages',
      ours: figures?.messages,
      beside,
      point: point('mesh-messages'),
    },
    {
      label: `${label}: processor, idle, of one`,
      unit: '% of a core',
      ours: figures?.cpuPercent,
      beside,
      point: point('mesh-processor'),
    },
    { label: `${label}: heap of one`, unit: 'MiB', ours: figures?.memoryMiB, beside, point: point('mesh-memory') },
  ]
}
