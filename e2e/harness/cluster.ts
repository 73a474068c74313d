import type { BrowserContext, Page } from '@playwright/test'
import type { JoinOptions } from '../page/lab.js'
import type { Browsers } from './browsers.js'
import { DemoTab } from './demo-tab.js'
import { NodePeer, type NodePeerOptions } from './node-peer.js'
import { LabTab, Tab } from './tab.js'

/** Where a cluster's peers live. */
export interface World {
  readonly browsers: Browsers
  readonly signalingUrl: string
  readonly labUrl: string
  readonly demoUrl: string
  readonly examplesUrl: string
}

export type BrowserName = 'chromium' | 'firefox'

export interface TabOptions extends Partial<JoinOptions> {
  readonly browser?: BrowserName
}

export interface DemoOptions {
  readonly browser?: BrowserName
  /** `indexeddb`, as in the page's address. */
  readonly storage?: string
}

/** The peers of one test: tabs of one profile per browser, and processes. */
export class Cluster {
  readonly name: string
  readonly #world: World
  readonly #contexts = new Map<BrowserName, Promise<BrowserContext>>()
  readonly #tabs: Tab[] = []
  readonly #peers: NodePeer[] = []

  constructor(name: string, world: World) {
    this.name = name
    this.#world = world
  }

  /** An empty page. */
  async openBlank(name: string, browser: BrowserName = 'chromium'): Promise<Tab> {
    return this.#watch(new Tab(await this.#newPage(browser), name))
  }

  /** A page with the lab in it that has joined nothing yet. */
  async openLab({ browser = 'chromium', ...options }: TabOptions = {}): Promise<LabTab> {
    const page = await this.#newPage(browser)
    const name = options.name ?? `tab${this.#tabs.length + 1}`
    const settings = { cluster: this.name, signaling: this.#world.signalingUrl, ...options, name }
    const tab = this.#watch(new LabTab(page, settings))
    await page.goto(this.#world.labUrl)
    return tab
  }

  /** A tab that has the cluster's state. */
  async openTab(options?: TabOptions): Promise<LabTab> {
    const tab = await this.openLab(options)
    await tab.join()
    return tab
  }

  /** What a browser's "duplicate tab" makes: the same page and session, in the same profile. */
  async duplicate(tab: LabTab, name: string): Promise<LabTab> {
    const popup = tab.page.waitForEvent('popup')
    await tab.page.evaluate(() => void open(location.href))
    const copy = this.#watch(new LabTab(await popup, { ...tab.options, name }))
    await copy.page.waitForLoadState()
    await copy.join()
    return copy
  }

  /** A page of `examples`. @param path below it */
  openExample(path: string, name: string): Promise<Tab> {
    return this.#openPage(`${this.#world.examplesUrl}${path}`, name)
  }

  /** A page that types an editing trace. */
  openTrace(name: string): Promise<Tab> {
    return this.#openPage(`${this.#world.labUrl}trace.html`, name)
  }

  /** The React example, which the test mounts and unmounts. */
  openReact(name: string): Promise<Tab> {
    return this.#openPage(`${this.#world.labUrl}react.html`, name)
  }

  /** The theatre of demo-web, in agreement with the others. */
  async openDemo(name: string, { browser = 'chromium', ...more }: DemoOptions = {}): Promise<DemoTab> {
    const tab = this.#watch(new DemoTab(await this.#newPage(browser), name))
    const settings = new URLSearchParams({ cluster: this.name, signaling: this.#world.signalingUrl, name, ...more })
    await tab.page.goto(`${this.#world.demoUrl}?${settings}`)
    await tab.agrees()
    return tab
  }

  /** A process that has the cluster's state. */
  async startPeer(options: Omit<NodePeerOptions, 'cluster' | 'signaling'>): Promise<NodePeer> {
    const peer = new NodePeer({ cluster: this.name, signaling: this.#world.signalingUrl, ...options })
    this.#peers.push(peer)
    await peer.ready()
    return peer
  }

  /** What the tabs complained of. */
  get problems(): string[] {
    return this.#tabs.flatMap((tab) => tab.problems)
  }

  /** What everybody wrote, in the order of time; last what the labs say of themselves. */
  async log(): Promise<string> {
    await Promise.all(this.#tabs.map((tab) => tab instanceof LabTab && tab.noteStatus()))
    return [...this.#tabs, ...this.#peers]
      .flatMap(({ log }) => log)
      .sort()
      .join('\n')
  }

  /** Ends all of it. */
  async end(): Promise<void> {
    const contexts = await Promise.all(this.#contexts.values())
    await Promise.all([...contexts.map((context) => context.close()), ...this.#peers.map((peer) => peer.kill())])
  }

  /** A page that reads from its address what to join. */
  async #openPage(url: string, name: string): Promise<Tab> {
    const tab = await this.openBlank(name)
    const settings = new URLSearchParams({ cluster: this.name, signaling: this.#world.signalingUrl })
    await tab.page.goto(`${url}?${settings}`)
    return tab
  }

  #watch<T extends Tab>(tab: T): T {
    this.#tabs.push(tab)
    return tab
  }

  async #newPage(browser: BrowserName): Promise<Page> {
    let context = this.#contexts.get(browser)
    if (context === undefined) {
      context = this.#world.browsers[browser]().then((launched) => launched.newContext())
      this.#contexts.set(browser, context)
    }
    return (await context).newPage()
  }
}
