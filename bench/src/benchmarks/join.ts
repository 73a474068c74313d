import type { Benchmark, Row } from '../benchmark.js'
import { ratioAtMost } from '../bound.js'
import { JoinTabs } from '../lab/join-tabs.js'
import type { Lab } from '../lab/lab.js'
import type { Stack } from '../peer/raw-connection.js'
import { quantile, type Series } from '../statistics.js'

const PER_RUN = 8

interface Case {
  readonly label: string
  joiner(lab: Lab): Promise<Joiner>
}

/** Who joins, again and again; what it joins is there already. Everything in milliseconds. */
interface Joiner {
  bare(): Promise<number>
  joinByLink(): Promise<{ readonly linkMs: number; readonly readyMs: number }>
  leave(): Promise<void>
  /** Joins a cluster that has no peer yet, and closes. */
  found(cluster: string): Promise<number>
}

const CASES: readonly Case[] = [
  { label: 'node-datachannel', joiner: (lab) => processJoiner(lab, 'node-datachannel') },
  { label: '@roamhq/wrtc', joiner: (lab) => processJoiner(lab, '@roamhq/wrtc') },
  { label: 'Chromium', joiner: tabJoiner },
]

export const join: Benchmark = {
  name: 'join',
  about:
    'From Legion.join to the first link, and until the state is here: signaling, dialing the one peer of a running cluster, becoming a member. Beside it a bare RTCPeerConnection of the same implementation over the same signaling server: from entering the room until the data channel to the peer that waits there is open at both ends. One after the other in turn; each figure of a run is the median of eight. In Chromium all of it is between the same two tabs. The code is loaded before, as in a page that was there before; in the first join of a process or tab, which does not count, it is not.',
  alternative: 'bare',
  async run(lab) {
    const cases = lab.select(CASES)
    const subjects: Record<string, () => Promise<Figures>> = {}
    for (const { label, joiner } of cases) subjects[label] = joins(await joiner(lab), label)
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

async function processJoiner(lab: Lab, stack: Stack): Promise<Joiner> {
  const cluster = `join ${stack}`
  await lab.cluster(1, stack, 'memory', cluster)
  const room = { stack, cluster: `bare ${stack}`, signaling: await lab.signalingUrl() }
  await lab.idlePeer(`waiting ${stack}`).ask('rawWait', room)
  const peer = lab.idlePeer(`joiner ${stack}`)
  const settings = { ...(await lab.joinSettings(stack, 'memory', peer.name)), cluster }
  return {
    bare: () => peer.ask('rawDial', room),
    joinByLink: () => peer.ask('joinByLink', settings),
    leave: () => peer.ask('leave'),
    async found(name) {
      const tookMs = await peer.ask('join', { ...settings, cluster: name })
      await peer.ask('close')
      return tookMs
    },
  }
}

/** Between the same two tabs, bare or with Legion. */
async function tabJoiner(lab: Lab): Promise<Joiner> {
  const tabs = await JoinTabs.start()
  lab.onStop(() => tabs.stop())
  const signaling = await lab.signalingUrl()
  const settings = { cluster: 'join tabs', signaling }
  const room = { cluster: 'bare tabs', signaling }
  const [there, joiner] = [await tabs.open(), await tabs.open()]
  await there.join(settings)
  await there.wait(room)
  return {
    bare: () => joiner.dial(room),
    joinByLink: () => joiner.joinByLink(settings),
    leave: () => joiner.leave(),
    async found(name) {
      const tookMs = await joiner.join({ ...settings, cluster: name })
      await joiner.close()
      return tookMs
    },
  }
}

function joins(joiner: Joiner, label: string): () => Promise<Figures> {
  let founded = 0
  return async () => {
    const tookMs: Record<keyof Figures, number[]> = { bareMs: [], linkMs: [], readyMs: [], foundedMs: [] }
    for (let i = 0; i < PER_RUN; i++) {
      tookMs.bareMs.push(await joiner.bare())
      const { linkMs, readyMs } = await joiner.joinByLink()
      await joiner.leave()
      tookMs.linkMs.push(linkMs)
      tookMs.readyMs.push(readyMs)
      tookMs.foundedMs.push(await joiner.found(`founded ${label} ${++founded}`))
    }
    return medians(tookMs)
  }
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
