import type { Page } from '@playwright/test'
import type { Latency, Rate } from '../peer/figures.js'
import { BenchSite } from './bench-site.js'

/** What `page/channel.ts` offers. */
interface ChannelPage {
  readonly channelBench: {
    offer(): Promise<string>
    answer(offer: string): Promise<string>
    accept(answer: string): Promise<void>
    ping(sizeBytes: number, durationMs: number): Promise<Latency>
    flood(sizeBytes: number, durationMs: number): Promise<Rate>
  }
}

/** Two tabs of Chromium with nothing but a data channel between them. */
export class TabChannel {
  readonly #site: BenchSite
  readonly #page: Page

  static async start(): Promise<TabChannel> {
    const site = await BenchSite.start()
    const [offerer, answerer] = [await site.open('channel.html'), await site.open('channel.html')]
    const offer = await offerer.evaluate(() => (globalThis as unknown as ChannelPage).channelBench.offer())
    const answer = await answerer.evaluate(
      (sdp) => (globalThis as unknown as ChannelPage).channelBench.answer(sdp),
      offer,
    )
    await offerer.evaluate((sdp) => (globalThis as unknown as ChannelPage).channelBench.accept(sdp), answer)
    return new TabChannel(site, offerer)
  }

  private constructor(site: BenchSite, page: Page) {
    this.#site = site
    this.#page = page
  }

  ping(sizeBytes: number, durationMs: number): Promise<Latency> {
    return this.#page.evaluate(
      ([size, duration]) => (globalThis as unknown as ChannelPage).channelBench.ping(size, duration),
      [sizeBytes, durationMs] as const,
    )
  }

  flood(sizeBytes: number, durationMs: number): Promise<Rate> {
    return this.#page.evaluate(
      ([size, duration]) => (globalThis as unknown as ChannelPage).channelBench.flood(size, duration),
      [sizeBytes, durationMs] as const,
    )
  }

  stop(): Promise<void> {
    return this.#site.stop()
  }
}
