import { expect, test } from '../harness/test.js'

/** More than the connections that Chromium allows a page to have open: 500. Each link has two of them. */
const CONNECTS = 320

test('[CON24] a page connects and closes more often than Chromium allows connections, and nothing is left', async ({
  cluster,
  world,
}) => {
  test.setTimeout(180_000)
  const { page } = await cluster.openBlank('links')
  await page.goto(`${world.labUrl}links.html`)
  await page.evaluate((times) => linkLab.connectAndClose(times), CONNECTS)
  const session = await page.context().newCDPSession(page)
  const alive = async () => {
    await session.send('HeapProfiler.collectGarbage')
    return page.evaluate(() => linkLab.alive)
  }
  await expect.poll(alive).toBe(0)
})
