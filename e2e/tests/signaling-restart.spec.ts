import { expect, test } from '../harness/test.js'

test('[LEG11] while the signaling server is down links stay and work; a newcomer joins when it is back', async ({
  signaling,
  cluster,
}) => {
  const options = { signaling: signaling.url }
  const one = await cluster.openTab({ ...options, name: 'one' })
  const fox = await cluster.openTab({ ...options, name: 'fox', browser: 'firefox' })
  const tabs = [one, fox]
  for (const tab of tabs) {
    tab.expectProblem(/WebSocket|can.t establish a connection/i) // Browsers tell of it in the console.
    await tab.until(() => lab.memberNames.length === 2)
  }
  await signaling.stop()
  for (const tab of tabs) await tab.until(() => lab.legion.status().mesh.rendezvous === 'offline')

  expect(await fox.page.evaluate(() => lab.legion.applyConsistent('reserve', '1A'))).toMatchObject({ ok: true })
  await one.page.evaluate(() => lab.legion.applyFast((doc) => doc.getText('notes').insert(0, 'offline')))
  await fox.until(() => lab.text === 'offline')
  expect(await one.page.evaluate(() => lab.peerNames)).toEqual(['fox'])

  await signaling.startAgain()
  const late = await cluster.openTab({ ...options, name: 'late' })
  expect(await late.page.evaluate(() => lab.seats)).toEqual({ '1A': await fox.id })
  await late.until(() => lab.text === 'offline' && lab.memberNames.length === 3)
})
