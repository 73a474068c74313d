import { setTimeout as sleep } from 'node:timers/promises'
import { cutOff, expectSoon, expectWithin, inSync, linked, meanwhile, together } from './cuts.js'
import { until } from './network-peer.js'
import { test } from './network-test.js'

/** Nothing tells the others: their links fall silent. */
const MOVED_WITHIN_MS = 10_000

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

test('[NET8] a tab whose cable was out for 30 s', async ({ cluster }) => {
  test.setTimeout(90_000)
  await cluster.startSignaling()
  const away = await cluster.openTab('away')
  const tab = await cluster.openTab('tab')
  const peers = [away, tab, await cluster.startPeer('ndc', 'node-datachannel')]
  await together(peers)
  cluster.network.plug(away.host, false)
  await meanwhile(tab, away)
  await sleep(30_000)
  cluster.network.plug(away.host, true)
  const startMs = performance.now()
  await inSync(peers, away)
  expectSoon(Math.round(performance.now() - startMs), 'a tab, cable out')
})

for (const stack of ['chromium', '@roamhq/wrtc', 'node-datachannel'] as const) {
  test(`[NET9] ${stack} that moves to another network`, async ({ cluster }) => {
    await cluster.startSignaling()
    const moving = stack === 'chromium' ? await cluster.openTab('moving') : await cluster.startPeer('moving', stack)
    const tab = await cluster.openTab('tab')
    const peers = [moving, tab, await cluster.startPeer('roamhq', '@roamhq/wrtc')]
    await together(peers)
    cluster.network.move(moving.host)
    const startMs = performance.now()
    await meanwhile(tab, moving)
    await inSync(peers, moving)
    expectWithin(MOVED_WITHIN_MS, Math.round(performance.now() - startMs), `${stack}, moved`)
  })
}

test('[NET2] a broken pair finds each other again by a third peer while the signaling server is down', async ({
  cluster,
}) => {
  test.setTimeout(90_000)
  await cluster.startSignaling()
  const a = await cluster.openTab('a')
  const b = await cluster.openTab('b')
  const carrier = await cluster.startPeer('carrier', 'node-datachannel')
  await together([a, b, carrier])
  await cluster.signaling.stop()
  cluster.network.cut(a.host, b.host)
  await until(a, 'states', (states) => states[b.id] !== 'direct')
  await sleep(10_000)
  cluster.network.restore(a.host, b.host)
  const startMs = performance.now()
  await Promise.all([linked(a, [b, carrier]), linked(b, [a, carrier])])
  expectSoon(Math.round(performance.now() - startMs), 'a broken pair')
})
