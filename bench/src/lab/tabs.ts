import { fileURLToPath } from 'node:url'
import type { Browser, Page } from '@playwright/test'
import { build, type PreviewServer, preview } from 'vite'
import { launchChromium } from './chromium.js'

const CONFIG = fileURLToPath(new URL('../../../e2e/page/vite.config.ts', import.meta.url))

/** What this needs of the end-to-end tests' page. */
interface LabPage {
  readonly lab: {
    join(options: { cluster: string; signaling: string; name: string }): Promise<void>
    readonly legion: {
      readonly leader: string | undefined
      readonly self: { readonly id: string }
      readonly members: readonly { readonly role: string }[]
      applyConsistent(name: 'reserve', seat: string): Promise<unknown>
    }
  }
}

/** Real tabs of a real Chromium, each with a Legion in it. */
export class Tabs {
  readonly #browser: Browser
  readonly #site: PreviewServer
  readonly #url: string

  static async start(): Promise<Tabs> {
    await build({ configFile: CONFIG, logLevel: 'error' })
    const site = await preview({ configFile: CONFIG, preview: { port: 0, host: '127.0.0.1' }, logLevel: 'error' })
    return new Tabs(await launchChromium(), site)
  }

  private constructor(browser: Browser, site: PreviewServer) {
    this.#browser = browser
    this.#site = site
    this.#url = site.resolvedUrls?.local[0] ?? ''
  }

  /** Tabs of one new cluster, all of them voters. @param count odd */
  async open(count: number, cluster: string, signaling: string): Promise<Tab[]> {
    const tabs: Tab[] = []
    for (let i = 0; i < count; i++) {
      const page = await this.#browser.newPage()
      await page.goto(this.#url)
      await page.evaluate((options) => (globalThis as unknown as LabPage).lab.join(options), {
        cluster,
        signaling,
        name: `tab ${i}`,
      })
      tabs.push(new Tab(page))
    }
    for (const tab of tabs) await tab.seesVoters(count)
    return tabs
  }

  async stop(): Promise<void> {
    await this.#browser.close()
    await this.#site.close()
  }
}

export class Tab {
  readonly #page: Page

  constructor(page: Page) {
    this.#page = page
  }

  async seesVoters(count: number): Promise<void> {
    await this.#page.waitForFunction((wanted) => {
      const { members } = (globalThis as unknown as LabPage).lab.legion
      return members.filter(({ role }) => role === 'voter').length === wanted
    }, count)
  }

  leads(): Promise<boolean> {
    return this.#page.evaluate(() => {
      const { leader, self } = (globalThis as unknown as LabPage).lab.legion
      return leader === self.id
    })
  }

  /** Resolves when a command is applied here. */
  async command(): Promise<void> {
    await this.#page.evaluate(() => (globalThis as unknown as LabPage).lab.legion.applyConsistent('reserve', 'a seat'))
  }

  /** As a user closes it. */
  close(): Promise<void> {
    return this.#page.close()
  }
}
