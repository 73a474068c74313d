import { readFile } from 'node:fs/promises'
import type { Locator } from '@playwright/test'
import { FreshProject } from '../harness/fresh-project.js'
import { paths } from '../harness/paths.js'
import { Site } from '../harness/site.js'
import type { Tab } from '../harness/tab.js'
import { expect, test } from '../harness/test.js'

const SNIPPET = /<!-- example:counter -->\n```ts\n([\s\S]*?)```\n<!-- \/example:counter -->/

test('[LEG12] the counter of the README, copied into a fresh project, counts in two tabs together', async ({
  signaling,
  cluster,
}) => {
  const snippet = SNIPPET.exec(await readFile(paths.readme, 'utf8'))?.[1] ?? ''
  expect(snippet).toBe(await readFile(paths.counterExample, 'utf8'))
  expect(snippet.trimEnd().split('\n').length).toBeLessThan(15)

  const project = await FreshProject.create(snippet)
  try {
    await project.build()
    const site = await Site.serve(project.site)
    await countTogether([await cluster.openBlank('one'), await cluster.openBlank('two')], site.url, signaling.url)
    await site.close()
  } finally {
    await project.remove()
  }
})

async function countTogether(tabs: readonly Tab[], url: string, signalingUrl: string): Promise<void> {
  const buttons = tabs.map(({ page }) => page.getByRole('button'))
  for (const [i, { page }] of tabs.entries()) {
    await page.addInitScript(redirectWebSockets, { from: 'ws://localhost:4455', to: signalingUrl })
    await page.goto(url)
    await expect(buttons[i] as Locator).toHaveText('0')
  }
  for (const [clicks, clicked] of [...buttons, ...buttons].entries()) {
    await clicked.click()
    for (const button of buttons) await expect(button).toHaveText(String(clicks + 1))
  }
}

/** The example names the usual port; the test's server has its own. */
function redirectWebSockets({ from, to }: { from: string; to: string }): void {
  globalThis.WebSocket = class extends WebSocket {
    constructor(url: string | URL) {
      super(String(url).replace(from, to))
    }
  }
}
