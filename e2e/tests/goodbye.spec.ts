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
    const startedMs = performance.now()
    const { ok } = await lab.legion.applyConsistent('reserve', '12A')
    return { ok, tookMs: performance.now() - startedMs }
  })
  const startedMs = Date.now()
  await leader.close()
  const { ok, tookMs } = await booked
  console.log(`booked ${Math.round(tookMs)} ms after the goodbye, ${Date.now() - startedMs} ms after the click`)
  expect(ok).toBe(true)
  expect(tookMs).toBeLessThan(ELECTION_TIMEOUT_MIN_MS)
})
