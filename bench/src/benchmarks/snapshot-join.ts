import { setTimeout } from 'node:timers/promises'
import type { Benchmark, Row } from '../benchmark.js'
import type { Cluster } from '../lab/cluster.js'
import type { Lab, StorageKind } from '../lab/lab.js'
import type { PeerProcess } from '../lab/peer-process.js'
import { latencyOf } from '../peer/figures.js'
import type { Sample } from '../peer/load-tasks.js'
import { machineMs } from '../peer/machine-clock.js'
import type { Series } from '../statistics.js'
import { PEERS, STACK } from './common.js'

const VALUE_BYTES = 16 * 1024
const LOAD_PER_SECOND = 200
const FULL = { stateBytes: 100e6, compactedEntries: 100_000, beforeMs: 2_000 }
const QUICK = { stateBytes: 10e6, compactedEntries: 10_000, beforeMs: 2_000 }
const LOG_VALUE_BYTES = 16

type Scale = typeof FULL

interface Case {
  readonly label: StorageKind
}

const CASES: readonly Case[] = [{ label: 'memory' }, { label: 'LevelDB' }]

export const snapshotJoin: Benchmark = {
  name: 'snapshot-join',
  about:
    'A new peer joins three Node peers whose main group has 100 MB of state (kv, values of 16 KiB) and has cut 100,000 entries from its log (set, 16 bytes), while the leader proposes 200 commands per second (set, 16 bytes), whose latency counts from when each was due: how long until the new peer has the state, and the latency of the commands meanwhile. Beside it their latency in the two seconds before. Without a warm-up: each run is seconds long.',
  alternative: 'before',
  runsMax: 3,
  async run(lab) {
    const scale = lab.quick ? QUICK : FULL
    const cases = lab.select(CASES)
    const subjects: Record<string, () => Promise<Figures>> = {}
    for (const { label } of cases) {
      const cluster = await lab.cluster(PEERS, STACK, label)
      await fill(cluster.leader, scale)
      subjects[label] = joins(lab, cluster, label, scale)
    }
    const measured = await lab.measure(subjects, {})
    return cases.flatMap(({ label }) => rowsOf(label, measured[label]))
  },
}

/** Of one run. */
type Figures = {
  readonly joinSeconds: number
  readonly p50Before: number
  readonly p50While: number
  readonly p99Before: number
  readonly p99While: number
}

async function fill(leader: PeerProcess, { stateBytes, compactedEntries }: Scale): Promise<void> {
  await leader.ask('fillLog', compactedEntries, LOG_VALUE_BYTES)
  await leader.ask('fillState', valuesOf(stateBytes), VALUE_BYTES)
  await leader.ask('compact')
  const firstIndex = await leader.ask('firstIndex')
  if (firstIndex <= compactedEntries) throw new Error(`The log is cut up to ${firstIndex} only.`)
}

function valuesOf(stateBytes: number): number {
  return Math.ceil(stateBytes / VALUE_BYTES)
}

/** One new peer each time, of the same process. */
function joins(lab: Lab, { leader }: Cluster, kind: StorageKind, scale: Scale): () => Promise<Figures> {
  const joiner = lab.idlePeer(`joiner ${kind}`)
  let joined = 0
  return async () => {
    await leader.ask('startLoad', LOAD_PER_SECOND)
    await setTimeout(scale.beforeMs)
    const startMs = machineMs()
    const tookMs = await joiner.ask('join', await lab.joinSettings(STACK, kind, `joiner-${++joined}`))
    const samples = await leader.ask('stopLoad')
    await requireState(joiner, scale)
    await joiner.ask('leave')
    return figuresOf(samples, startMs, tookMs)
  }
}

async function requireState(joiner: PeerProcess, { stateBytes }: Scale): Promise<void> {
  const size = await joiner.ask('stateSize')
  if (size < valuesOf(stateBytes)) throw new Error(`The new peer has ${size} keys.`)
}

function figuresOf(samples: readonly Sample[], startMs: number, tookMs: number): Figures {
  const isWhile = ({ dueMs }: Sample) => dueMs >= startMs && dueMs < startMs + tookMs
  const before = latencyOf(samples.filter(({ dueMs }) => dueMs < startMs).map((sample) => sample.tookMs))
  const meanwhile = latencyOf(samples.filter(isWhile).map((sample) => sample.tookMs))
  return {
    joinSeconds: tookMs / 1000,
    p50Before: before.p50,
    p50While: meanwhile.p50,
    p99Before: before.p99,
    p99While: meanwhile.p99,
  }
}

function rowsOf(label: string, figures: { readonly [F in keyof Figures]: Series } | undefined): Row[] {
  return [
    { label: `${label}: until the state is there`, unit: 's', ours: figures?.joinSeconds, beside: undefined },
    { label: `${label}: commands, p50`, unit: 'ms', ours: figures?.p50While, beside: figures?.p50Before },
    { label: `${label}: commands, p99`, unit: 'ms', ours: figures?.p99While, beside: figures?.p99Before },
  ]
}
