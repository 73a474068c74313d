import type { Benchmark, Row } from '../benchmark.js'
import { atMost } from '../bound.js'
import { type BundleWeight, weighBundle } from '../lab/bundle.js'
import { type Series, seriesOf } from '../statistics.js'

const BOUNDS = { firstLoadBytes: atMost(40), allBytes: atMost(70) } as const
const OTHERS = ['y-webrtc', 'trystero'] as const

export const bundle: Benchmark = {
  name: 'bundle',
  about:
    'What a page loads, bundled by Vite (rolldown), minified and gzipped, without Yjs, which the application brings: all that the browser entry exports, and Legion alone. At first, and with all that is loaded later, whatever is used. Beside it y-webrtc and trystero, which load everything at first.',
  alternative: 'y-webrtc, trystero',
  async run(lab) {
    const whole = await weighBundle('legion-mesh')
    const legion = await weighBundle('legion-mesh', ['Legion'])
    lab.explain({ of: 'all that Legion alone may load', parts: legion.largest })
    const rows: Row[] = []
    for (const other of OTHERS) {
      const beside = await weighBundle(other)
      const bounds = other === 'y-webrtc' ? BOUNDS : undefined
      rows.push(
        ...rowsOf(`everything, beside ${other}`, whole, beside, bounds),
        ...rowsOf(`Legion alone, beside ${other}`, legion, beside, bounds),
      )
    }
    return rows
  },
}

type Weight = Pick<BundleWeight, 'firstLoadBytes' | 'allBytes'>

function rowsOf(label: string, ours: Weight, beside: Weight, bounds?: typeof BOUNDS): Row[] {
  const row = (what: string, weight: keyof Weight): Row => ({
    label: `${label}: ${what}`,
    unit: 'KB',
    ours: once(ours[weight]),
    beside: once(beside[weight]),
    bound: bounds?.[weight],
  })
  return [row('first load', 'firstLoadBytes'), row('all', 'allBytes')]
}

/** The same every time. */
function once(bytes: number): Series {
  return seriesOf([bytes / 1000])
}
