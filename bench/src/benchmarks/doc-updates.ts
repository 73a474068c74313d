import type { Benchmark, Row } from '../benchmark.js'
import type { Cluster } from '../lab/cluster.js'
import type { PeerProcess } from '../lab/peer-process.js'
import type { Edit } from '../peer/document-tasks.js'
import { PEERS, RAW_CHANNEL, type RateSubjects, RUN_MS, rateOf, recordOf, STACK } from './common.js'

const MESSAGE_BYTES = 32
const COUNT = 5_000

interface Case {
  readonly label: string
  readonly edit: Edit
  readonly apart: boolean
  readonly everybodyWrites: boolean
}

const CASES: readonly Case[] = [
  { label: 'map sets, one task each', edit: 'map', apart: true, everybodyWrites: false },
  { label: 'map sets, one task for all', edit: 'map', apart: false, everybodyWrites: false },
  { label: 'map sets, one task each, three writers', edit: 'map', apart: true, everybodyWrites: true },
  { label: 'text inserts, one task each', edit: 'text', apart: true, everybodyWrites: false },
  { label: 'text inserts, one task for all', edit: 'text', apart: false, everybodyWrites: false },
  { label: 'text inserts, one task each, three writers', edit: 'text', apart: true, everybodyWrites: true },
]

export const docUpdates: Benchmark = {
  name: 'doc-updates',
  about:
    'applyFast with three peers: 5,000 updates, per second from the first until all three have all of them. Beside it messages of 32 bytes per second, one way, on the bare channel.',
  alternative: RAW_CHANNEL,
  async run(lab) {
    const raw = await lab.connectedRawPair(STACK)
    const cluster = await lab.cluster(PEERS, STACK, 'memory')
    let documents = 0
    const subjects: RateSubjects = {
      [RAW_CHANNEL]: async () => rateOf(await raw.flood(MESSAGE_BYTES, RUN_MS)),
      ...recordOf(CASES, (each) => () => updateRate(cluster, `document-${++documents}`, each)),
    }
    const measured = await lab.measure(subjects)
    return CASES.map(
      ({ label }): Row => ({
        label,
        unit: 'updates/s',
        ours: measured[label]?.rate,
        beside: measured[RAW_CHANNEL]?.rate,
      }),
    )
  },
}

/** Each time in a new document, which is closed again. */
async function updateRate(cluster: Cluster, document: string, { edit, apart, everybodyWrites }: Case) {
  const writers: readonly PeerProcess[] = everybodyWrites ? cluster.peers : [cluster.follower]
  const count = Math.floor(COUNT / writers.length)
  const total = count * writers.length
  await Promise.all(cluster.peers.map((peer) => peer.ask('openDocument', document)))
  const complete = cluster.peers.map((peer) => peer.ask('documentHas', document, total))
  const startsMs = await Promise.all(
    writers.map((writer) => writer.ask('writeDocument', { document, edit, count, apart })),
  )
  const endsMs = await Promise.all(complete)
  await Promise.all(cluster.peers.map((peer) => peer.ask('closeDocument', document)))
  return rateOf({ count: total, elapsedMs: Math.max(...endsMs) - Math.min(...startsMs) })
}
