import type { Benchmark } from '../benchmark.js'
import { ratioAtMost } from '../bound.js'
import { PEERS, STACK } from './common.js'

export const docTrace: Benchmark = {
  name: 'doc-trace',
  about:
    'The 259,778 keystrokes of a paper (josephg/editing-traces), typed as fast as possible at one of three Node peers, each a transaction of its own: until all three have the whole text. Beside it the same transactions on a Y.Doc that nobody shares.',
  alternative: 'bare Y.Doc',
  async run(lab) {
    const alone = lab.idlePeer('bare Y.Doc')
    if (!(await alone.ask('hasTrace'))) {
      lab.note('Left out: the editing traces are not here.')
      return []
    }
    const { peers, follower } = await lab.cluster(PEERS, STACK, 'memory')
    let runs = 0
    const { shared, bare } = await lab.measure({
      shared: async () => {
        const document = `trace-${++runs}`
        await Promise.all(peers.map((peer) => peer.ask('openDocument', document)))
        const complete = Promise.all(peers.map((peer) => peer.ask('hasWholeTrace', document)))
        const startMs = await follower.ask('typeTrace', document)
        const endsMs = await complete
        await Promise.all(peers.map((peer) => peer.ask('closeDocument', document)))
        return { tookMs: Math.max(...endsMs) - startMs }
      },
      bare: async () => ({ tookMs: await alone.ask('applyTraceAlone') }),
    })
    return [{ label: 'the whole paper', unit: 'ms', ours: shared.tookMs, beside: bare.tookMs, bound: ratioAtMost(1.5) }]
  },
}
