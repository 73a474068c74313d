import type { Benchmark, Distribution, Row } from '../benchmark.js'
import type { Lab } from '../lab/lab.js'
import { TabChannel } from '../lab/tab-channel.js'
import type { Latency, Rate } from '../peer/figures.js'
import type { Series } from '../statistics.js'
import { RAW_CHANNEL, RUN_MS, rateOf } from './common.js'

const SMALL_BYTES = 100
const MIDDLE_BYTES = 1024
const LARGE_BYTES = 16 * 1024
const FLOOD_MS = 250

export const channel: Benchmark = {
  name: 'channel',
  about:
    'The bare WebRTC data channel between two processes, on both implementations for Node, and between two tabs of Chromium: round trips of 100 bytes, messages of 100 bytes to 16 KiB one way. The physical limit of all that follows.',
  alternative: RAW_CHANNEL,
  async run(lab) {
    const datachannel = await lab.connectedRawPair('node-datachannel')
    const roamhq = await lab.connectedRawPair('@roamhq/wrtc')
    const tabs = await TabChannel.start()
    lab.onStop(() => tabs.stop())
    const measured = await lab.measure({
      datachannel: () => measureAll(datachannel),
      roamhq: () => measureAll(roamhq),
      chromium: () => measureAll(tabs),
    })
    return [
      ...rowsOf(lab, 'node-datachannel', measured.datachannel),
      ...rowsOf(lab, '@roamhq/wrtc', measured.roamhq),
      ...rowsOf(lab, 'Chromium', measured.chromium),
    ]
  },
}

/** A pair of ends, seen from the one that begins. */
interface Pair {
  ping(sizeBytes: number, durationMs: number): Promise<Latency>
  flood(sizeBytes: number, durationMs: number): Promise<Rate>
}

type Figures = Latency & {
  readonly messages: number
  readonly small: number
  readonly middle: number
  readonly large: number
}

async function measureAll(pair: Pair): Promise<Figures> {
  const latency = await pair.ping(SMALL_BYTES, RUN_MS)
  const { rate: messages } = rateOf(await pair.flood(SMALL_BYTES, FLOOD_MS))
  const small = (messages * SMALL_BYTES) / 1e6
  return { ...latency, messages, small, middle: await pace(pair, MIDDLE_BYTES), large: await pace(pair, LARGE_BYTES) }
}

/** In megabytes a second. */
async function pace(pair: Pair, sizeBytes: number): Promise<number> {
  return (rateOf(await pair.flood(sizeBytes, FLOOD_MS)).rate * sizeBytes) / 1e6
}

function rowsOf(lab: Lab, line: string, figures: Distribution & { readonly [F in keyof Figures]: Series }): Row[] {
  const { p50, p99, messages, small, middle, large } = figures
  const ours = undefined
  const point = (x: number) => ({ plot: 'channel-throughput', x, line: '', besideLine: line }) as const
  lab.distribution(line, figures)
  return [
    { label: `${line}: round trip, p50`, unit: 'ms', ours, beside: p50 },
    { label: `${line}: round trip, p99`, unit: 'ms', ours, beside: p99 },
    { label: `${line}: 100 B one way`, unit: 'messages/s', ours, beside: messages },
    { label: `${line}: 100 B one way`, unit: 'MB/s', ours, beside: small, point: point(SMALL_BYTES) },
    { label: `${line}: 1 KiB one way`, unit: 'MB/s', ours, beside: middle, point: point(MIDDLE_BYTES) },
    { label: `${line}: 16 KiB one way`, unit: 'MB/s', ours, beside: large, point: point(LARGE_BYTES) },
  ]
}
