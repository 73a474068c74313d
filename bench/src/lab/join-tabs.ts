import type { Page } from '@playwright/test'
import type { RawRoomOptions } from '../peer/raw-room.js'
import { BenchSite } from './bench-site.js'

/** What `page/join.ts` offers. */
interface JoinPage {
  readonly joinBench: {
    wait(options: RawRoomOptions): Promise<void>
    dial(options: RawRoomOptions): Promise<number>
    join(settings: RawRoomOptions): Promise<number>
    joinByLink(settings: RawRoomOptions): Promise<{ readonly linkMs: number; readonly readyMs: number }>
    close(): Promise<void>
    leave(): Promise<void>
  }
}

/** A tab in which one joins, bare or with Legion. */
export class JoinTab {
  readonly #page: Page

  constructor(page: Page) {
    this.#page = page
  }

  wait(room: RawRoomOptions): Promise<void> {
    return this.#page.evaluate((options) => (globalThis as unknown as JoinPage).joinBench.wait(options), room)
  }

  dial(room: RawRoomOptions): Promise<number> {
    return this.#page.evaluate((options) => (globalThis as unknown as JoinPage).joinBench.dial(options), room)
  }

  join(settings: RawRoomOptions): Promise<number> {
    return this.#page.evaluate((options) => (globalThis as unknown as JoinPage).joinBench.join(options), settings)
  }

  joinByLink(settings: RawRoomOptions): Promise<{ readonly linkMs: number; readonly readyMs: number }> {
    return this.#page.evaluate((options) => (globalThis as unknown as JoinPage).joinBench.joinByLink(options), settings)
  }

  close(): Promise<void> {
    return this.#page.evaluate(() => (globalThis as unknown as JoinPage).joinBench.close())
  }

  leave(): Promise<void> {
    return this.#page.evaluate(() => (globalThis as unknown as JoinPage).joinBench.leave())
  }
}

/** Tabs of Chromium, each with a profile of its own. */
export class JoinTabs {
  readonly #site: BenchSite

  static async start(): Promise<JoinTabs> {
    return new JoinTabs(await BenchSite.start())
  }

  private constructor(site: BenchSite) {
    this.#site = site
  }

  async open(): Promise<JoinTab> {
    return new JoinTab(await this.#site.open('join.html'))
  }

  stop(): Promise<void> {
    return this.#site.stop()
  }
}
