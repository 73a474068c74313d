import type { Benchmark, Row } from '../benchmark.js'
import type { RawPair } from '../lab/raw-pair.js'
import type { Stack } from '../peer/raw-connection.js'
import type { Series } from '../statistics.js'
import { RAW_CHANNEL, RUN_MS, rateOf } from './common.js'

const SMALL_BYTES = 100
const LARGE_BYTES = 16 * 1024

type Figures = Awaited<ReturnType<typeof measureAll>>

export const channel: Benchmark = {
  name: 'channel',
  about:
    'The bare WebRTC data channel between two processes, on both implementations for Node: round trips of 100 bytes, messages of 100 bytes and of 16 KiB one way. The physical limit of all that follows.',
  alternative: RAW_CHANNEL,
  async run(lab) {
    const datachannel = await lab.connectedRawPair('node-datachannel')
    const roamhq = await lab.connectedRawPair('@roamhq/wrtc')
    const measured = await lab.measure({
      datachannel: () => measureAll(datachannel),
      roamhq: () => measureAll(roamhq),
    })
    return [...rowsOf('node-datachannel', measured.datachannel), ...rowsOf('@roamhq/wrtc', measured.roamhq)]
  },
}

async function measureAll(pair: RawPair) {
  const { p50, p99 } = await pair.ping(SMALL_BYTES, RUN_MS)
  const small = rateOf(await pair.flood(SMALL_BYTES, RUN_MS))
  const large = rateOf(await pair.flood(LARGE_BYTES, RUN_MS))
  return { p50, p99, messages: small.rate, megabytes: (large.rate * LARGE_BYTES) / 1e6 }
}

function rowsOf(stack: Stack, { p50, p99, messages, megabytes }: { readonly [F in keyof Figures]: Series }): Row[] {
  const ours = undefined
  return [
    { label: `${stack}: round trip, p50`, unit: 'ms', ours, beside: p50 },
    { label: `${stack}: round trip, p99`, unit: 'ms', ours, beside: p99 },
    { label: `${stack}: 100 B one way`, unit: 'messages/s', ours, beside: messages },
    { label: `${stack}: 16 KiB one way`, unit: 'MB/s', ours, beside: megabytes },
  ]
}
