import { readFile } from 'node:fs/promises'
import { FreshProject } from '../harness/fresh-project.js'
import { paths } from '../harness/paths.js'
import { Signaling } from '../harness/signaling.js'
import { Site } from '../harness/site.js'
import { expect, test } from '../harness/test.js'

const SNIPPET = /<!-- example:counter -->\n```ts\n([\s\S]*?)```\n<!-- \/example:counter -->/

test('[LEG12] the counter of the README, copied into a fresh project, counts in two tabs together', async ({
  cluster,
}) => {
  const snippet = SNIPPET.exec(await readFile(paths.readme, 'utf8'))?.[1] ?? ''
  expect(snippet).toBe(await readFile(paths.counterExample, 'utf8'))
  expect(snippet.trimEnd().split('\n').length).toBeLessThan(15)

  const project = await FreshProject.create(snippet)
  await project.build()
  const signaling = await Signaling.start()
  const site = await Site.serve(project.site)
  const tabs = [await cluster.openBlank('one'), await cluster.openBlank('two')]
  for (const { page } of tabs) {
    await page.addInitScript(redirectWebSockets, { from: 'ws://localhost:4455', to: signaling.url })
    await page.goto(site.url)
    await expect(page.getByRole('button')).toHaveText('0')
  }
  for (const [count, { page }] of [...tabs, ...tabs].entries()) {
    await page.getByRole('button').click()
    for (const tab of tabs) await expect(tab.page.getByRole('button')).toHaveText(String(count + 1))
  }
  for (const tab of tabs) await tab.close()
  await Promise.all([site.close(), signaling.stop(), project.remove()])
})

/** The example names the usual port; the test's server has its own. */
function redirectWebSockets({ from, to }: { from: string; to: string }): void {
  globalThis.WebSocket = class extends WebSocket {
    constructor(url: string | URL) {
      super(String(url).replace(from, to))
    }
  }
}
