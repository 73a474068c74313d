import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { CDPSession, Page } from '@playwright/test'
import type { WriteOptions } from '../page/documents.js'
import type { Library, OpenOptions } from '../page/shared-document.js'
import { BenchSite } from './bench-site.js'

/** Of y-webrtc, whose package shows no way to it. */
const SIGNALING = fileURLToPath(new URL('../bin/server.js', import.meta.resolve('y-webrtc')))

/** What `page/documents.ts` offers. */
interface BenchPage {
  readonly bench: {
    open(options: OpenOptions): void
    shared(): Promise<void>
    write(options: WriteOptions): Promise<number>
    has(count: number): Promise<number>
    sentBytes(): Promise<number>
    close(): Promise<void>
  }
}

/** Two real tabs of a real Chromium that share documents, by this library or by y-webrtc. */
export class DocumentTabs {
  readonly #site: BenchSite
  readonly #stopSignaling: () => void
  readonly #signaling: Readonly<Record<Library, string>>
  readonly #pages = new Map<Library, readonly DocumentTab[]>()
  readonly #onOpen: (tab: DocumentTab) => void

  /**
   * @param signaling URL of our signaling server
   * @param onOpen hears of each tab
   */
  static async start(signaling: string, onOpen: (tab: DocumentTab) => void): Promise<DocumentTabs> {
    const [site, port] = [await BenchSite.start(), await freePort()]
    const server = fork(SIGNALING, { env: { ...process.env, PORT: String(port) }, stdio: ['ignore', 2, 2, 'ipc'] })
    const urls = { 'legion-mesh': signaling, 'y-webrtc': `ws://localhost:${port}` }
    return new DocumentTabs(site, () => server.kill(), urls, onOpen)
  }

  private constructor(
    site: BenchSite,
    stopSignaling: () => void,
    signaling: Readonly<Record<Library, string>>,
    onOpen: (tab: DocumentTab) => void,
  ) {
    this.#onOpen = onOpen
    this.#site = site
    this.#stopSignaling = stopSignaling
    this.#signaling = signaling
  }

  /** The two tabs of that library, each a profile of its own, so that nothing but WebRTC connects them. */
  async pair(library: Library): Promise<readonly [DocumentTab, DocumentTab]> {
    const known = this.#pages.get(library) ?? [await this.#open(library, 1), await this.#open(library, 2)]
    this.#pages.set(library, known)
    return known as readonly [DocumentTab, DocumentTab]
  }

  async stop(): Promise<void> {
    await this.#site.stop()
    this.#stopSignaling()
  }

  async #open(library: Library, index: number): Promise<DocumentTab> {
    const page = await this.#site.open('documents.html')
    const session = await page.context().newCDPSession(page)
    await session.send('Performance.enable')
    const tab = new DocumentTab(page, session, library, this.#signaling[library], `${library}, tab ${index}`)
    this.#onOpen(tab)
    return tab
  }
}

export class DocumentTab {
  readonly name: string
  readonly #page: Page
  readonly #session: CDPSession
  readonly library: Library
  readonly #signaling: string

  constructor(page: Page, session: CDPSession, library: Library, signaling: string, name: string) {
    this.name = name
    this.#page = page
    this.#session = session
    this.library = library
    this.#signaling = signaling
  }

  /** @param characters of text that it has before it meets anybody */
  async open(name: string, characters = 0): Promise<void> {
    const options = { library: this.library, signaling: this.#signaling, name, characters }
    await this.#page.evaluate((each) => (globalThis as unknown as BenchPage).bench.open(each), options)
  }

  shared(): Promise<void> {
    return this.#page.evaluate(() => (globalThis as unknown as BenchPage).bench.shared())
  }

  /** @returns when it began, by the machine's clock, in ms */
  write(options: WriteOptions): Promise<number> {
    return this.#page.evaluate((each) => (globalThis as unknown as BenchPage).bench.write(each), options)
  }

  /** @returns when `count` edits were there, by the machine's clock, in ms */
  has(count: number): Promise<number> {
    return this.#page.evaluate((each) => (globalThis as unknown as BenchPage).bench.has(each), count)
  }

  close(): Promise<void> {
    return this.#page.evaluate(() => (globalThis as unknown as BenchPage).bench.close())
  }

  sentBytes(): Promise<number> {
    return this.#page.evaluate(() => (globalThis as unknown as BenchPage).bench.sentBytes())
  }

  async startProfile(): Promise<void> {
    await this.#session.send('Profiler.enable')
    await this.#session.send('Profiler.start')
  }

  async stopProfile(path: string): Promise<void> {
    const { profile } = await this.#session.send('Profiler.stop')
    await writeFile(path, JSON.stringify(profile))
  }

  /** Of the page's process, with all its threads. */
  async cpuSeconds(): Promise<number> {
    const { metrics } = await this.#session.send('Performance.getMetrics')
    return metrics.find(({ name }) => name === 'ProcessTime')?.value ?? Number.NaN
  }
}

/** That server can't say which one it was given. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
