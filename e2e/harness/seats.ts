import type { LabTab } from './tab.js'
import { expect } from './test.js'

/** What a test has booked in the theatre of the page's machine, by seat: nothing of it may get lost. */
export type Booked = Map<string, string>

export async function reserve(tab: LabTab, seat: string, booked: Booked): Promise<void> {
  const answer = await tab.page.evaluate((name) => lab.legion.applyConsistent('reserve', name), seat)
  expect(answer).toMatchObject({ ok: true })
  booked.set(seat, await tab.id)
}

/** The page measures, so that only the cluster counts. */
export async function reserveWithin(withinMs: number, tab: LabTab, seat: string, booked: Booked): Promise<void> {
  const tookMs = await tab.page.evaluate(async (name) => {
    const startMs = performance.now()
    await lab.legion.applyConsistent('reserve', name)
    return performance.now() - startMs
  }, seat)
  expect(tookMs).toBeLessThan(withinMs)
  booked.set(seat, await tab.id)
}

/** All seats as this tab has them, up to date. */
export function seatsOf(tab: LabTab): Promise<Record<string, string>> {
  return tab.page.evaluate(async () => {
    await lab.legion.read('holder', '')
    return { ...lab.legion.state.seats }
  })
}
