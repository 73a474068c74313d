import type { Benchmark, Row } from '../benchmark.js'
import { ratioAtMost } from '../bound.js'
import type { Lab } from '../lab/lab.js'
import { latencyOf } from '../peer/figures.js'
import type { Stack } from '../peer/raw-connection.js'
import type { Series } from '../statistics.js'

const GROUP = 'large'
const VALUE_BYTES = 16 * 1024
const FULL = { stateBytes: 100e6, idleMs: 2_000 }
const QUICK = { stateBytes: 20e6, idleMs: 2_000 }

type Scale = typeof FULL

interface Case {
  readonly label: Stack
}

const CASES: readonly Case[] = [{ label: 'node-datachannel' }, { label: '@roamhq/wrtc' }]

export const linkLoad: Benchmark = {
  name: 'link-load',
  about:
    "Heartbeats while a snapshot of 100 MB crosses the same link: two peers, of which the second one fetches the state of a group (kv, values of 16 KiB) and meanwhile reads from another group, every 5 ms; such a read is a small message there and back on the lane of Raft's heartbeats. Beside it the same reads while the link is idle. Without a warm-up: each run is seconds long.",
  alternative: 'idle',
  runsMax: 3,
  async run(lab) {
    const scale = lab.quick ? QUICK : FULL
    const cases = lab.select(CASES)
    const subjects: Record<string, () => Promise<Figures>> = {}
    for (const { label } of cases) subjects[label] = await fetches(lab, label, scale)
    const measured = await lab.measure(subjects, {})
    return cases.flatMap(({ label }) => rowsOf(label, measured[label]))
  },
}

/** Of one run. */
type Figures = {
  readonly idleP50: number
  readonly idleP99: number
  readonly loadedP50: number
  readonly loadedP99: number
  readonly megabytesPerSecond: number
}

/** One new peer each time, of the same process. */
async function fetches(lab: Lab, stack: Stack, scale: Scale): Promise<() => Promise<Figures>> {
  const keys = Math.ceil(scale.stateBytes / VALUE_BYTES)
  const cluster = `link-load ${stack}`
  const { leader } = await lab.cluster(1, stack, 'memory', cluster)
  await leader.ask('fillGroup', GROUP, keys, VALUE_BYTES)
  const fetcher = lab.idlePeer(`fetcher ${stack}`)
  const settings = { ...(await lab.joinSettings(stack, 'memory', fetcher.name)), cluster }
  return async () => {
    await fetcher.ask('join', settings)
    const idle = latencyOf(await fetcher.ask('heartbeats', scale.idleMs))
    const { tookMs, heartbeatsMs } = await fetcher.ask('heartbeatsWhileFetching', GROUP, keys)
    const loaded = latencyOf(heartbeatsMs)
    await fetcher.ask('leave')
    return {
      idleP50: idle.p50,
      idleP99: idle.p99,
      loadedP50: loaded.p50,
      loadedP99: loaded.p99,
      megabytesPerSecond: scale.stateBytes / 1000 / tookMs,
    }
  }
}

function rowsOf(label: string, figures: { readonly [F in keyof Figures]: Series } | undefined): Row[] {
  return [
    { label: `${label}: p50`, unit: 'ms', ours: figures?.loadedP50, beside: figures?.idleP50 },
    { label: `${label}: p99`, unit: 'ms', ours: figures?.loadedP99, beside: figures?.idleP99, bound: ratioAtMost(5) },
    { label: `${label}: snapshot`, unit: 'MB/s', ours: figures?.megabytesPerSecond, beside: undefined },
  ]
}
