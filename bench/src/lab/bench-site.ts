import { fileURLToPath } from 'node:url'
import type { Browser, Page } from '@playwright/test'
import { build, type PreviewServer, preview } from 'vite'
import { launchChromium } from './chromium.js'

const CONFIG = fileURLToPath(new URL('../../page/vite.config.ts', import.meta.url))

/** Once, for all benchmarks. */
let built: Promise<unknown> | undefined

/** The pages of the benchmarks, built as an application would be, in a real Chromium. */
export class BenchSite {
  readonly #browser: Browser
  readonly #site: PreviewServer

  static async start(): Promise<BenchSite> {
    built ??= build({ configFile: CONFIG })
    await built
    const site = await preview({ configFile: CONFIG, preview: { port: 0, host: '127.0.0.1' } })
    return new BenchSite(await launchChromium(), site)
  }

  private constructor(browser: Browser, site: PreviewServer) {
    this.#browser = browser
    this.#site = site
  }

  /** A tab with a profile of its own, so that nothing but WebRTC connects it with others. @param path of a page */
  async open(path: string): Promise<Page> {
    const page = await this.#browser.newPage()
    await page.goto(`${this.#site.resolvedUrls?.local[0] ?? ''}${path}`)
    return page
  }

  async stop(): Promise<void> {
    await this.#browser.close()
    await this.#site.close()
  }
}
