import type { Benchmark, Row } from '../benchmark.js'
import { ratioAtMost } from '../bound.js'
import type { Lab } from '../lab/lab.js'
import type { PeerProcess } from '../lab/peer-process.js'
import type { JoinSettings } from '../peer/legion-tasks.js'
import type { Stack } from '../peer/raw-connection.js'
import { quantile, type Series } from '../statistics.js'

const PER_RUN = 8

interface Case {
  readonly label: Stack
}

const CASES: readonly Case[] = [{ label: 'node-datachannel' }, { label: '@roamhq/wrtc' }]

export const join: Benchmark = {
  name: 'join',
  about:
    'From Legion.join to the first link, and until the state is here: signaling, dialing the one peer of a running cluster, becoming a member. Beside it a bare RTCPeerConnection of the same implementation over the same signaling server: from entering the room until the data channel to the peer that waits there is open at both ends. One after the other in turn; each figure of a run is the median of eight.',
  alternative: 'bare',
  async run(lab) {
    const cases = lab.select(CASES)
    const subjects: Record<string, () => Promise<Figures>> = {}
    for (const { label } of cases) subjects[label] = await joins(lab, label)
    const measured = await lab.measure(subjects)
    return cases.flatMap(({ label }) => rowsOf(label, measured[label]))
  },
}

/** Of one run. */
type Figures = {
  readonly bareMs: number
  readonly linkMs: number
  readonly readyMs: number
  readonly foundedMs: number
}

async function joins(lab: Lab, stack: Stack): Promise<() => Promise<Figures>> {
  const cluster = `join ${stack}`
  await lab.cluster(1, stack, 'memory', cluster)
  const room = { stack, cluster: `bare ${stack}`, signaling: await lab.signalingUrl() }
  await lab.idlePeer(`waiting ${stack}`).ask('rawWait', room)
  const joiner = lab.idlePeer(`joiner ${stack}`)
  const settings = { ...(await lab.joinSettings(stack, 'memory', joiner.name)), cluster }
  let founded = 0
  return async () => {
    const tookMs: Record<keyof Figures, number[]> = { bareMs: [], linkMs: [], readyMs: [], foundedMs: [] }
    for (let i = 0; i < PER_RUN; i++) {
      tookMs.bareMs.push(await joiner.ask('rawDial', room))
      const { linkMs, readyMs } = await joiner.ask('joinByLink', settings)
      await joiner.ask('leave')
      tookMs.linkMs.push(linkMs)
      tookMs.readyMs.push(readyMs)
      tookMs.foundedMs.push(await found(joiner, { ...settings, cluster: `${cluster} ${++founded}` }))
    }
    return medians(tookMs)
  }
}

async function found(peer: PeerProcess, settings: JoinSettings): Promise<number> {
  const tookMs = await peer.ask('join', settings)
  await peer.ask('close')
  return tookMs
}

function medians({ bareMs, linkMs, readyMs, foundedMs }: Readonly<Record<keyof Figures, number[]>>): Figures {
  return {
    bareMs: quantile(bareMs, 0.5),
    linkMs: quantile(linkMs, 0.5),
    readyMs: quantile(readyMs, 0.5),
    foundedMs: quantile(foundedMs, 0.5),
  }
}

function rowsOf(label: string, figures: { readonly [F in keyof Figures]: Series } | undefined): Row[] {
  return [
    {
      label: `${label}: the first link`,
      unit: 'ms',
      ours: figures?.linkMs,
      beside: figures?.bareMs,
      bound: ratioAtMost(1.3),
    },
    { label: `${label}: the state is here`, unit: 'ms', ours: figures?.readyMs, beside: figures?.bareMs },
    { label: `${label}: as founder`, unit: 'ms', ours: figures?.foundedMs, beside: undefined },
  ]
}
