import { expect, test } from '../harness/test.js'

/** In all more than the connections that Chromium allows a page to have: 500. Each link has two of them. */
const ROUNDS = 4
const CONNECTS = 80

test('[CON24] a page connects and closes more often than Chromium allows connections, and nothing is left', async ({
  cluster,
  world,
}) => {
  test.setTimeout(180_000)
  const { page } = await cluster.openBlank('links')
  await page.goto(`${world.labUrl}links.html`)
  const session = await page.context().newCDPSession(page)
  const alive = async () => {
    await session.send('HeapProfiler.collectGarbage')
    return page.evaluate(() => linkLab.alive)
  }
  for (let round = 0; round < ROUNDS; round++) {
    expect(await page.evaluate((times) => linkLab.connectAndClose(times), CONNECTS)).toEqual([])
    await alive() // Chromium counts connections that are closed until they are collected
  }
  await expect.poll(alive).toBe(0)
})
