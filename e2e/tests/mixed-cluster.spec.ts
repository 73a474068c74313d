import { paths } from '../harness/paths.js'
import { expect, test } from '../harness/test.js'

test('[LEG1] tabs of two browsers and processes with two WebRTC implementations form one cluster', async ({
  cluster,
}) => {
  const tabs = [await cluster.openTab(), await cluster.openTab()]
  tabs.push(await cluster.openTab({ browser: 'firefox', name: 'fox' }))
  await cluster.startPeer({ name: 'ndc', webrtc: 'node-datachannel', machine: paths.theatreMachine })
  await cluster.startPeer({ name: 'roamhq', webrtc: 'roamhq', machine: paths.theatreMachine })
  for (const tab of tabs) {
    await tab.until(() => lab.peerNames.length === 4 && lab.memberNames.length === 5, undefined)
  }
  expect(await tabs[0]?.page.evaluate(() => lab.memberNames)).toEqual(['fox', 'ndc', 'roamhq', 'tab1', 'tab2'])
})
