import type { BrowserContext, Page } from '@playwright/test'
import { HistoryRecorder, type KvInput, type KvOutput, type OpenOperation } from 'legion-mesh/testing'
import { machineMicros } from '../chaos/src/machine-clock.js'
import { pick, seededRandom } from '../chaos/src/random.js'
import { judge } from '../chaos/src/verdict.js'
import type { StateReport } from '../chaos/src/worker.js'
import { Tab } from '../harness/tab.js'
import { expect, test } from '../harness/test.js'

const TABS = 3
const CLIENTS = 3
const DURATION_MS = 20_000
const CALM_MS = 1_500

test('[CHA11] tabs on IndexedDB that crash under load and are opened again lose and double nothing', async ({
  world,
}) => {
  test.setTimeout(120_000)
  const browser = await world.browsers.chromium()
  const context = await browser.newContext()
  const load = new LoadedTabs(context, `${world.labUrl}chaos.html`, world.signalingUrl)
  await load.listen()
  for (let i = 1; i <= TABS; i++) await load.open()

  const random = seededRandom(21)
  let crashes = 0
  for (const endMs = Date.now() + DURATION_MS; Date.now() < endMs; crashes++) {
    await load.crash(pick(random, load.tabs))
    await load.open()
    await load.tabs[0]?.page.waitForTimeout(CALM_MS * random())
  }

  const states = await load.settle()
  const { operations } = load.history
  console.log(`${operations.length} operations, ${crashes} crashes`)
  expect(judge(operations, states).violations).toEqual([])
  expect(crashes).toBeGreaterThan(2)
  expect(operations.length).toBeGreaterThan(200)
  await context.close()
})

/** Tabs of one profile that work on one cluster, and the history of what they told. */
class LoadedTabs {
  readonly history = new HistoryRecorder<KvInput, KvOutput>()
  readonly #context: BrowserContext
  readonly #url: string
  readonly #signaling: string
  readonly #open: OpenOperation<KvOutput>[] = []
  #tabs: Tab[] = []
  #opened = 0

  constructor(context: BrowserContext, url: string, signaling: string) {
    this.#context = context
    this.#url = url
    this.#signaling = signaling
  }

  get tabs(): readonly Tab[] {
    return this.#tabs
  }

  /** Writes down what the pages tell, when it comes: at the earliest and the latest that it can have happened. */
  async listen(): Promise<void> {
    await this.#context.exposeBinding('chaosInvoked', (_, input: KvInput) => {
      return this.#open.push(this.history.invoke('tab', input)) - 1
    })
    await this.#context.exposeBinding('chaosReturned', (_, operation: number, output: KvOutput) => {
      this.#open[operation]?.returned(output)
    })
    await this.#context.exposeBinding('chaosFailed', (_, operation: number, outcome: string) => {
      if (outcome === 'not-applied') this.#open[operation]?.dropped()
    })
  }

  /** Resolves when the tab has the state and works. */
  async open(): Promise<void> {
    const page: Page = await this.#context.newPage()
    const tab = new Tab(page, `tab${++this.#opened}`)
    await page.goto(this.#url)
    const options = { cluster: 'chaos-tabs', signaling: this.#signaling, name: tab.name, clients: CLIENTS }
    await page.evaluate((load) => chaos.start(load), options)
    this.#tabs.push(tab)
  }

  async crash(tab: Tab): Promise<void> {
    this.#tabs = this.#tabs.filter((other) => other !== tab)
    await tab.crash()
    await tab.close()
  }

  /** What each tab has when nothing is under way any more. */
  async settle(): Promise<Map<string, StateReport>> {
    await Promise.all(this.#tabs.map(({ page }) => page.evaluate(() => chaos.stop())))
    const states = new Map<string, StateReport>()
    const invokedAt = machineMicros() // later than all that the history counted
    for (const { name, page } of this.#tabs) {
      const entries = await page.evaluate(() => chaos.entries())
      states.set(name, { hash: JSON.stringify(entries), entries, invokedAt, returnedAt: machineMicros() })
    }
    return states
  }
}
