import type { Page } from '@playwright/test'
import type { PeerId } from 'legion-mesh'
import type { JoinOptions } from '../page/lab.js'

const POLL_MS = 25
const PROBLEMS: ReadonlySet<string> = new Set(['uncaught', 'error', 'warning'])

/** One page of a browser, which remembers what went wrong in it. */
export class Tab {
  readonly page: Page
  readonly name: string
  /** All that the page wrote and threw, with the time of day in ms: what to read when a test fails. */
  readonly log: string[] = []
  readonly #problems: string[] = []
  readonly #expected: RegExp[] = []

  constructor(page: Page, name: string) {
    this.page = page
    this.name = name
    page.on('pageerror', (error) => this.note('uncaught', String(error)))
    page.on('console', (message) => this.note(message.type(), message.text()))
  }

  /** What the page complained of, but for what the test expects. */
  get problems(): string[] {
    const isExpected = (problem: string) => this.#expected.some((pattern) => pattern.test(problem))
    return this.#problems.filter((problem) => !isExpected(problem)).map((problem) => `${this.name}: ${problem}`)
  }

  expectProblem(pattern: RegExp): void {
    this.#expected.push(pattern)
  }

  /** Resolves when `condition`, looked at again and again in the page, is true. */
  until(condition: () => boolean): Promise<void>
  until<A>(condition: (argument: A) => boolean, argument: A): Promise<void>
  async until(condition: (argument: unknown) => boolean, argument?: unknown): Promise<void> {
    await this.page.waitForFunction<boolean, unknown>(condition, argument, { polling: POLL_MS })
  }

  /** Ends the page's process as a crash does: no goodbye. */
  async crash(): Promise<void> {
    const crashed = new Promise((resolve) => this.page.once('crash', resolve))
    this.page.goto('chrome://crash').catch(() => {}) // It never arrives.
    await crashed
  }

  /** As a user closes it: the page says goodbye. */
  close(): Promise<void> {
    return this.page.close()
  }

  protected note(kind: string, text: string): void {
    this.log.push(`${Date.now()} ${this.name} ${kind}: ${text}`)
    if (PROBLEMS.has(kind)) this.#problems.push(text)
  }
}

/** A tab with e2e/page in it: tests drive its `lab` by `page.evaluate`. */
export class LabTab extends Tab {
  #options: JoinOptions

  constructor(page: Page, options: JoinOptions) {
    super(page, options.name)
    this.#options = options
  }

  get options(): JoinOptions {
    return this.#options
  }

  /** Resolves when the cluster's state is there. */
  async join(): Promise<void> {
    await this.page.evaluate((options) => lab.join(options), this.#options)
  }

  /** @param changes what is different afterwards, such as the code's version */
  async reload(changes: Partial<JoinOptions> = {}): Promise<void> {
    this.#options = { ...this.#options, ...changes }
    await this.page.reload()
    await this.join()
  }

  /** What the Legion says of itself, for `log`. */
  async noteStatus(): Promise<void> {
    const status = await this.page.evaluate(() => lab.describe()).catch(String)
    this.note('status', status)
  }

  get id(): Promise<PeerId> {
    return this.page.evaluate(() => lab.legion.self.id)
  }
}
