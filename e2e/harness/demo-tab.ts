import { expect, type Locator } from '@playwright/test'
import { Tab } from './tab.js'

/** A tab with demo-web's theatre in it, used as a person does. */
export class DemoTab extends Tab {
  /** The state is here and somebody leads. */
  async agrees(): Promise<void> {
    await expect(this.page.getByTestId('phase'), this.name).toHaveAttribute('data-state', 'ready')
  }

  /** Shows exactly these peers, each linked and with a role; `voterCount` of them or more vote. */
  async showsPeers(names: readonly string[], voterCount: number): Promise<void> {
    const present = this.#peers(':is([data-linked=true], [data-self=true]):not([data-role=joining])')
    await expect(present, this.name).toHaveCount(names.length)
    await expect.poll(() => this.#peers('[data-role=voter]').count()).toBeGreaterThanOrEqual(voterCount)
    const shown = await this.#peers('').evaluateAll((lines) => lines.map((line) => line.getAttribute('data-name')))
    expect(shown.sort()).toEqual([...names].sort())
  }

  async doesNotShow(name: string): Promise<void> {
    await expect(this.#peers(`[data-name="${name}"]`), this.name).toHaveCount(0)
  }

  leader(): Promise<string | null> {
    return this.#peers('[data-leader=true]').getAttribute('data-name')
  }

  seat(name: string): Locator {
    return this.page.locator(`[data-seat="${name}"]`)
  }

  /** The name of who has a taken seat. */
  async holder(seat: string): Promise<string> {
    const label = await this.seat(seat).getAttribute('aria-label')
    const holder = /taken by (.+?)(, who left)?$/.exec(label ?? '')?.[1] ?? 'nobody'
    return holder === 'you' ? this.name : holder
  }

  /** The notes' editor. */
  get notes(): Locator {
    return this.page.getByRole('textbox', { name: 'Notes' })
  }

  /** Other people's cursors in the notes; their names are the texts. */
  get cursors(): Locator {
    return this.notes.locator('.cm-ySelectionInfo')
  }

  /** The switch that keeps the seats in this browser. */
  get keep(): Locator {
    return this.page.getByTestId('keep')
  }

  /** What came of the last click. */
  get outcome(): Locator {
    return this.page.getByTestId('outcome')
  }

  #peers(selector: string): Locator {
    return this.page.locator(`[data-testid=peer]${selector}`)
  }
}
