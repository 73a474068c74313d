import { expect, test } from '../harness/test.js'

/** 30 ticks of 100 ms: an election that comes sooner was not waited for. */
const ELECTION_TIMEOUT_MIN_MS = 3_000

test('[LEG4] when the tab that leads is closed, its goodbye lets the others book again at once', async ({
  cluster,
}) => {
  const leader = await cluster.openTab()
  const tab = await cluster.openTab()
  await cluster.openTab()
  await tab.until(() => lab.voterNames.length === 3)
  expect(await tab.page.evaluate(() => lab.legion.leader)).toBe(await leader.id)

  const booked = tab.page.evaluate(async () => {
    await lab.peerLeft()
    return lab.legion.applyConsistent('reserve', '12A')
  })
  const startedMs = Date.now()
  await leader.close()
  expect(await booked).toMatchObject({ ok: true })
  const tookMs = Date.now() - startedMs
  console.log(`booked ${tookMs} ms after the leading tab was closed`)
  expect(tookMs).toBeLessThan(ELECTION_TIMEOUT_MIN_MS)
})
