import { setTimeout as sleep } from 'node:timers/promises'
import { cutOff, expectSoon, together } from './cuts.js'
import { until } from './network-peer.js'
import { test } from './network-test.js'

for (const seconds of [5, 30, 90]) {
  test(`[NET1] a tab that was cut off for ${seconds} s`, async ({ cluster }) => {
    test.setTimeout(seconds * 1000 + 60_000)
    await cluster.startSignaling()
    const away = await cluster.openTab('away')
    const peers = [away, await cluster.openTab('tab'), await cluster.startPeer('ndc', 'node-datachannel')]
    await together(peers)
    expectSoon(await cutOff(cluster, peers, away, seconds * 1000), `a tab, ${seconds} s`)
  })

  test(`[NET1] a process that was cut off for ${seconds} s`, async ({ cluster }) => {
    test.setTimeout(seconds * 1000 + 60_000)
    await cluster.startSignaling()
    const away = await cluster.startPeer('ndc', 'node-datachannel')
    const peers = [away, await cluster.startPeer('roamhq', '@roamhq/wrtc'), await cluster.openTab('tab')]
    await together(peers)
    expectSoon(await cutOff(cluster, peers, away, seconds * 1000), `a process, ${seconds} s`)
  })
}

test('[NET2] a broken pair finds each other again by a third peer while the signaling server is down', async ({
  cluster,
}) => {
  test.setTimeout(90_000)
  await cluster.startSignaling()
  const a = await cluster.openTab('a')
  const b = await cluster.openTab('b')
  await together([a, b, await cluster.startPeer('carrier', 'node-datachannel')])
  await cluster.signaling.stop()
  cluster.network.cut(a.host, b.host)
  await until(a, 'peerNames', (names) => names.join() === 'carrier')
  await sleep(10_000)
  cluster.network.restore(a.host, b.host)
  const startMs = performance.now()
  for (const peer of [a, b]) await until(peer, 'peerNames', (names) => names.length === 2)
  expectSoon(Math.round(performance.now() - startMs), 'a broken pair')
})
