import { fileURLToPath } from 'node:url'
import type { Browser, Page } from '@playwright/test'
import { build, type PreviewServer, preview } from 'vite'
import { launchChromium } from './chromium.js'

const CLUSTER = 'tabs'
const CONFIG = fileURLToPath(new URL('../../../e2e/page/vite.config.ts', import.meta.url))

/** What this needs of the end-to-end tests' page. */
interface LabPage {
  readonly lab: {
    join(options: { cluster: string; signaling: string; name: string }): Promise<void>
    readonly legion: {
      readonly leader: string | undefined
      readonly self: { readonly id: string }
      readonly members: readonly { readonly peer: string; readonly role: string }[]
      applyConsistent(name: 'reserve', seat: string): Promise<unknown>
    }
  }
}

/** Real tabs of a real Chromium, each with a Legion in it, all in one cluster and all of them voters. */
export class Tabs {
  readonly #browser: Browser
  readonly #site: PreviewServer
  readonly #signaling: string
  #tabs: readonly Tab[] = []
  #opened = 0

  /** @param count odd */
  static async open(count: number, signaling: string): Promise<Tabs> {
    await build({ configFile: CONFIG, logLevel: 'error' })
    const site = await preview({ configFile: CONFIG, preview: { port: 0, host: '127.0.0.1' }, logLevel: 'error' })
    const tabs = new Tabs(await launchChromium(), site, signaling)
    for (let i = 0; i < count; i++) await tabs.add()
    return tabs
  }

  private constructor(browser: Browser, site: PreviewServer, signaling: string) {
    this.#browser = browser
    this.#site = site
    this.#signaling = signaling
  }

  async add(): Promise<void> {
    const page = await this.#browser.newPage()
    await page.goto(this.#site.resolvedUrls?.local[0] ?? '')
    const options = { cluster: CLUSTER, signaling: this.#signaling, name: `tab ${++this.#opened}` }
    await page.evaluate((each) => (globalThis as unknown as LabPage).lab.join(each), options)
    this.#tabs = [...this.#tabs, new Tab(page)]
  }

  /** Resolves when each tab sees all tabs vote, and nobody else. */
  async settled(): Promise<{ readonly leader: Tab; readonly others: readonly Tab[] }> {
    for (const tab of this.#tabs) await tab.votesAmong(this.#tabs.length)
    for (const leader of this.#tabs) {
      if (await leader.leads()) return { leader, others: this.#tabs.filter((tab) => tab !== leader) }
    }
    throw new Error('no tab leads')
  }

  /** As a user closes it. */
  async close(tab: Tab): Promise<void> {
    this.#tabs = this.#tabs.filter((each) => each !== tab)
    await tab.close()
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

  /** Resolves when all members are voters, this tab among them, and there are so many. */
  async votesAmong(count: number): Promise<void> {
    await this.#page.waitForFunction((wanted) => {
      const { members, self } = (globalThis as unknown as LabPage).lab.legion
      const voters = members.filter(({ role }) => role === 'voter')
      return members.length === wanted && voters.length === wanted && members.some(({ peer }) => peer === self.id)
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

  close(): Promise<void> {
    return this.#page.close()
  }
}
