import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { expect, test } from '../harness/test.js'
import type { ConcurrentTrace } from '../page/trace.js'

const TRACE = fileURLToPath(
  new URL('../../../shared/data/editing-traces/friendsforever.concurrent.json.gz', import.meta.url),
)

test('[DOC48] two tabs type what two people once typed at the same time: both have the text that came of it', async ({
  cluster,
}) => {
  test.setTimeout(180_000) // two thousand times one waits for the other
  test.skip(!existsSync(TRACE), 'the editing traces are not here')
  const trace = JSON.parse(gunzipSync(readFileSync(TRACE)).toString()) as ConcurrentTrace & { endContent: string }
  const tabs = [await cluster.openTrace('one'), await cluster.openTrace('two')]
  const typing = tabs.map(({ page }, agent) =>
    page.evaluate(({ agent, trace }) => typist.type(agent, trace), { agent, trace: { txns: trace.txns } }),
  )
  await Promise.all(typing)
  for (const tab of tabs) {
    await tab.until((end) => typist.text === end, trace.endContent)
    expect(await tab.page.evaluate(() => typist.text)).toBe(trace.endContent)
  }
})
