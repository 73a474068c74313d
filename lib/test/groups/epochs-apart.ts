import type { kv } from '../../src/machines/index.js'
import { createSimulation } from '../../src/testing/simulation.js'
import { areReady, get, type Peer, set } from './two-clusters.js'

/**
 * One of three is cut off. The others are replaced by newcomers of whom it never heard; it recovers wrongly. Then all
 * see each other again.
 * @returns what both sides read of what each of them acknowledged
 */
export async function recoverWrongly(): Promise<{ readonly here: unknown; readonly there: unknown; splits: number }> {
  const simulation = createSimulation({ seed: 3 })
  const peers = await simulation.peers<typeof kv>(3)
  await simulation.run(3_000)
  const [cutOff, ...others] = peers as [Peer, ...Peer[]]
  simulation.network.server.unplug(cutOff.id)
  simulation.partition([cutOff], others)
  await simulation.run(20_000)
  const newcomers = [simulation.open<typeof kv>(), simulation.open<typeof kv>()]
  simulation.partition([cutOff], newcomers)
  await simulation.settle(() => areReady(newcomers))
  await simulation.run(5_000)
  for (const peer of others) peer.closePage()
  await simulation.until(set(newcomers[0] as Peer, 'a', 1))
  await simulation.until(cutOff.legion.recover())
  await simulation.until(set(cutOff, 'a', 2))
  simulation.heal()
  simulation.network.server.plug(cutOff.id)
  await simulation.run(20_000)
  const all = [cutOff, ...newcomers]
  const splits = all.filter(({ legion }) => legion.status().splits.length > 0).length
  const there = await simulation.until(get(newcomers[1] as Peer, 'a'))
  return { here: await simulation.until(get(cutOff, 'a')), there, splits }
}
