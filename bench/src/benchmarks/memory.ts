import { setTimeout } from 'node:timers/promises'
import type { Benchmark, Row } from '../benchmark.js'
import type { PeerProcess } from '../lab/peer-process.js'
import { seriesOf } from '../statistics.js'
import { PEERS, STACK } from './common.js'

const LINKS = 12
const GROUPS = { full: 500, quick: 100 }
const SETTLE_MS = 1_000

export const memory: Benchmark = {
  name: 'memory',
  about: `What one more costs a Node peer in memory: a peer that is linked and a member (of ${LINKS}, all in other processes), and an idle group (of ${GROUPS.full.toLocaleString('en')}, on each of three peers). The heap is what is left after a collection, with buffers; resident is the growth of the process as the system sees it, native WebRTC included. Each figure once per peer or round: what is freed stays with the process.`,
  alternative: undefined,
  async run(lab) {
    const watcher = lab.idlePeer('watcher')
    const settings = { ...(await lab.joinSettings(STACK, 'memory', watcher.name)), cluster: 'memory' }
    await watcher.ask('join', settings)
    const crowd = lab.idlePeer('crowd')
    const perLink = await growth(
      [watcher],
      async () => {
        await crowd.ask('openCrowd', settings, LINKS)
        while ((await watcher.ask('view')).links < LINKS) await setTimeout(SETTLE_MS)
      },
      LINKS,
    )
    const count = lab.quick ? GROUPS.quick : GROUPS.full
    const { peers } = await lab.cluster(PEERS, STACK, 'memory')
    const perGroup = await growth(
      peers,
      async () => void (await Promise.all(peers.map((peer) => peer.ask('openGroups', count)))),
      count,
    )
    return [...rowsOf('a link', perLink), ...rowsOf('an idle group', perGroup)]
  },
}

interface Growth {
  readonly heapKib: readonly number[]
  readonly residentKib: readonly number[]
}

/** Of each peer, by each of `count` things that `make` makes. */
async function growth(peers: readonly PeerProcess[], make: () => Promise<void>, count: number): Promise<Growth> {
  const before = await memoryOf(peers)
  await make()
  await setTimeout(SETTLE_MS)
  const after = await memoryOf(peers)
  const of = (kind: 'heap' | 'resident') =>
    after.map((each, i) => (each[kind] - (before[i]?.[kind] ?? 0)) / 1024 / count)
  return { heapKib: of('heap'), residentKib: of('resident') }
}

function memoryOf(peers: readonly PeerProcess[]) {
  return Promise.all(
    peers.map(async (peer) => ({ heap: await peer.ask('usedMemory'), resident: await peer.ask('residentMemory') })),
  )
}

function rowsOf(what: string, { heapKib, residentKib }: Growth): Row[] {
  return [
    { label: `${what}: heap`, unit: 'KiB', ours: seriesOf(heapKib), beside: undefined },
    { label: `${what}: resident`, unit: 'KiB', ours: seriesOf(residentKib), beside: undefined },
  ]
}
