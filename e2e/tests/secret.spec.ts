import { paths } from '../harness/paths.js'
import { expect, test } from '../harness/test.js'

test('[LEG10] who knows the secret meets, who has another or none is in a cluster of its own', async ({ cluster }) => {
  const secret = 'correct horse battery staple'
  const one = await cluster.openTab({ name: 'one', secret })
  const wrong = await cluster.openTab({ name: 'wrong', secret: 'incorrect horse' })
  const none = await cluster.openTab({ name: 'none' })
  const fox = await cluster.openTab({ name: 'fox', secret, browser: 'firefox' })
  await cluster.startPeer({ name: 'node', secret, webrtc: 'node-datachannel', machine: paths.labMachine })

  for (const tab of [one, fox]) await tab.until(() => lab.memberNames.length === 3)
  expect(await fox.page.evaluate(() => lab.memberNames)).toEqual(['fox', 'node', 'one'])
  await one.page.evaluate(() => lab.legion.applyConsistent('reserve', '12A'))
  for (const stranger of [wrong, none]) {
    expect(await stranger.page.evaluate(() => [lab.memberNames, lab.peerNames, lab.seats])).toEqual([
      [stranger.name],
      [],
      {},
    ])
  }
  const clusters = await Promise.all([one, wrong, none].map((tab) => tab.page.evaluate(() => lab.legion.cluster.id)))
  expect(new Set(clusters).size).toBe(3)
})
