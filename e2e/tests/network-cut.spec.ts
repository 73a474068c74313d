import { cutOff, expectSoon, together } from '../network/cuts.js'
import { test } from '../network/network-test.js'

test('[NET1] a tab and a process that were cut off for 5 s, one after the other', async ({ cluster }) => {
  await cluster.startSignaling()
  const peers = [
    await cluster.openTab('one'),
    await cluster.openTab('two'),
    await cluster.startPeer('three', 'node-datachannel'),
  ]
  const [tab, , process] = peers
  await together(peers)
  if (tab !== undefined) expectSoon(await cutOff(cluster, peers, tab, 5_000), 'a tab, 5 s')
  await together(peers)
  if (process !== undefined) expectSoon(await cutOff(cluster, peers, process, 5_000), 'a process, 5 s')
})
