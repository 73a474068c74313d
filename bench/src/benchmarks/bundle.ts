import type { Benchmark, Row } from '../benchmark.js'
import { type BundleWeight, weighBundle } from '../lab/bundle.js'
import { type Series, seriesOf } from '../statistics.js'

const OTHERS = ['y-webrtc', 'trystero'] as const

export const bundle: Benchmark = {
  name: 'bundle',
  about:
    'What a page loads, bundled by Vite (rolldown), minified and gzipped, without Yjs, which the application brings: all that the browser entry exports, and Legion alone. At first, and with all that is loaded later, whatever is used. Beside it y-webrtc and trystero, which load everything at first.',
  alternative: 'y-webrtc, trystero',
  async run() {
    const whole = await weighBundle('legion-mesh')
    const legion = await weighBundle('legion-mesh', ['Legion'])
    const rows: Row[] = []
    for (const other of OTHERS) {
      const beside = await weighBundle(other)
      rows.push(
        ...rowsOf(`everything, beside ${other}`, whole, beside),
        ...rowsOf(`Legion alone, beside ${other}`, legion, beside),
      )
    }
    return rows
  },
}

function rowsOf(label: string, ours: BundleWeight, beside: BundleWeight): Row[] {
  return [
    { label: `${label}: first load`, unit: 'KB', ours: once(ours.firstLoadBytes), beside: once(beside.firstLoadBytes) },
    { label: `${label}: all`, unit: 'KB', ours: once(ours.allBytes), beside: once(beside.allBytes) },
  ]
}

/** The same every time. */
function once(bytes: number): Series {
  return seriesOf([bytes / 1000])
}
