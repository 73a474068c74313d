import type { Benchmark } from '../benchmark.js'
import type { PeerProcess } from '../lab/peer-process.js'
import type { RawPair } from '../lab/raw-pair.js'
import type { JoinSettings } from '../peer/legion-tasks.js'
import { quantile } from '../statistics.js'
import { PEERS, RAW_CHANNEL, STACK } from './common.js'

const PER_RUN = 8

export const join: Benchmark = {
  name: 'join',
  about:
    'Legion.join until the state is here: signaling, dialing both members of a running cluster, becoming a member. Beside it a bare RTCPeerConnection from the offer until both ends are open. Each figure of a run is the median of eight.',
  alternative: RAW_CHANNEL,
  async run(lab) {
    const raw = lab.rawPair(STACK)
    await lab.cluster(PEERS - 1, STACK, 'memory')
    const settings = await lab.joinSettings(STACK, 'memory', 'joiner')
    const joiner = lab.idlePeer('joiner')
    let founded = 0
    const { bare, running, founding } = await lab.measure({
      bare: () => repeat(() => connectOnce(raw)),
      running: () => repeat(() => joinOnce(joiner, settings)),
      founding: () => repeat(() => joinOnce(joiner, { ...settings, cluster: `founded-${++founded}` })),
    })
    return [
      { label: 'a running cluster of two', unit: 'ms', ours: running.median, beside: bare.median },
      { label: 'a new cluster, as its founder', unit: 'ms', ours: founding.median, beside: undefined },
    ]
  },
}

async function connectOnce(pair: RawPair): Promise<number> {
  const tookMs = await pair.connect()
  await pair.close()
  return tookMs
}

async function joinOnce(peer: PeerProcess, settings: JoinSettings): Promise<number> {
  const tookMs = await peer.ask('join', settings)
  await peer.ask('close')
  return tookMs
}

async function repeat(once: () => Promise<number>): Promise<{ readonly median: number }> {
  const tookMs: number[] = []
  for (let i = 0; i < PER_RUN; i++) tookMs.push(await once())
  return { median: quantile(tookMs, 0.5) }
}
