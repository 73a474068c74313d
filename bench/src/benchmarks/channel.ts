import type { Benchmark, Row } from '../benchmark.js'
import type { RawPair } from '../lab/raw-pair.js'
import type { Stack } from '../peer/raw-connection.js'
import { RUN_MS, rateOf } from './common.js'

const STACKS: readonly Stack[] = ['node-datachannel', '@roamhq/wrtc']
const SMALL_BYTES = 100
const LARGE_BYTES = 16 * 1024

export const channel: Benchmark = {
  name: 'channel',
  about:
    'The bare WebRTC data channel between two processes, on both implementations for Node: round trips of 100 bytes, messages of 100 bytes and of 16 KiB one way. The physical limit of all that follows.',
  async run(lab) {
    const rows: Row[] = []
    for (const stack of STACKS) {
      const pair = await lab.connectedRawPair(stack)
      const measured = await lab.measure(subjectsOf(pair))
      rows.push(
        { label: `${stack}: round trip, p50`, unit: 'ms', ours: undefined, limit: measured.ping.p50 },
        { label: `${stack}: round trip, p99`, unit: 'ms', ours: undefined, limit: measured.ping.p99 },
        { label: `${stack}: 100 B one way`, unit: 'messages/s', ours: undefined, limit: measured.small.rate },
        { label: `${stack}: 16 KiB one way`, unit: 'MB/s', ours: undefined, limit: measured.large.megabytes },
      )
    }
    return rows
  },
}

function subjectsOf(pair: RawPair) {
  return {
    ping: () => pair.ping(SMALL_BYTES, RUN_MS),
    small: async () => rateOf(await pair.flood(SMALL_BYTES, RUN_MS)),
    large: async () => ({ megabytes: (rateOf(await pair.flood(LARGE_BYTES, RUN_MS)).rate * LARGE_BYTES) / 1e6 }),
  }
}
