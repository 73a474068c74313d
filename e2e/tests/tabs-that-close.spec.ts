import type { Cluster } from '../harness/cluster.js'
import { orders } from '../harness/orders.js'
import { reserve, reserveWithin, seatsOf } from '../harness/seats.js'
import type { LabTab } from '../harness/tab.js'
import { expect, test } from '../harness/test.js'

// Tabs alone, without storage and without any Node peer: whoever is left has the state and the quorum.

const WITHIN_MS = 1_000
/** Without a word of goodbye: our heartbeats notice within 6 s, an election within another. */
const AFTER_CRASH_MS = 7_000
/** Less than anything that a newcomer may have to wait for. */
const AT_ONCE_MS = 2_000

let opened = 0

for (const count of [1, 2, 3]) {
  test(`[LEG40] ${count} tabs close in every order, one by one, down to one`, async ({ cluster }) => {
    test.setTimeout(180_000)
    for (const order of orders(count))
      await closeInOrder(
        cluster,
        count,
        order.slice(0, -1).map((i) => [i]),
      )
  })
}

test('[LEG40] five tabs close one by one', async ({ cluster }) => {
  test.setTimeout(180_000)
  for (const order of [
    [0, 1, 2, 3],
    [4, 3, 2, 1],
    [2, 0, 4, 1],
  ])
    await closeInOrder(
      cluster,
      5,
      order.map((i) => [i]),
    )
})

test('[LEG41] two tabs of three and of five close at once', async ({ cluster }) => {
  test.setTimeout(180_000)
  for (const pair of [
    [0, 1],
    [0, 2],
    [1, 2],
  ])
    await closeInOrder(cluster, 3, [pair])
  await closeInOrder(cluster, 5, [
    [0, 1],
    [2, 3],
  ])
  await closeInOrder(cluster, 5, [
    [1, 4],
    [0, 3],
  ])
})

test('[LEG42] tabs that reload come back, and nothing is lost', async ({ cluster }) => {
  test.setTimeout(120_000)
  const tabs = await openTabs(cluster, 3)
  const expected = new Map<string, string>()
  for (let i = 0; i < 6; i++) {
    const tab = tabs[i % 3] as LabTab
    await reserve(tab, `${i}`, expected)
    await tab.reload()
    for (const other of tabs.filter((each) => each !== tab))
      await reserveWithin(WITHIN_MS, other, `${i}-${other.name}`, expected)
  }
  for (const tab of tabs) expect(await seatsOf(tab)).toEqual(Object.fromEntries(expected))
})

test('[LEG43] a tab of three crashes', async ({ cluster }) => {
  test.setTimeout(120_000)
  for (const crashing of [0, 1]) {
    const tabs = await openTabs(cluster, 3)
    const expected = new Map<string, string>()
    await reserve(tabs[crashing] as LabTab, 'before', expected)
    const startMs = Date.now()
    await (tabs[crashing] as LabTab).crash()
    const rest = tabs.filter((_, i) => i !== crashing)
    for (const tab of rest) await reserve(tab, tab.name, expected)
    const tookMs = Date.now() - startMs
    expect(tookMs).toBeLessThan(AFTER_CRASH_MS)
    for (const tab of rest) {
      expect(await seatsOf(tab)).toEqual(Object.fromEntries(expected))
      await tab.close()
    }
  }
})

test('[LEG44] all tabs reload at once: they found a new cluster without waiting', async ({ cluster }) => {
  test.setTimeout(120_000)
  for (const count of [1, 2, 3]) {
    const tabs = await openTabs(cluster, count)
    const expected = new Map<string, string>()
    await Promise.all(tabs.map(({ page }) => page.reload()))
    const startMs = Date.now()
    await Promise.all(tabs.map((tab) => tab.join()))
    expect(Date.now() - startMs).toBeLessThan(AT_ONCE_MS)
    for (const tab of tabs) await reserve(tab, tab.name, expected)
    for (const tab of tabs) {
      expect(await seatsOf(tab)).toEqual(Object.fromEntries(expected))
      await tab.close()
    }
  }
})

/** Closes groups of tabs, each group at once; after each, commands of all others work in time. */
async function closeInOrder(cluster: Cluster, count: number, groups: readonly (readonly number[])[]): Promise<void> {
  const tabs = await openTabs(cluster, count)
  const expected = new Map<string, string>()
  for (const group of groups) {
    const closing = group.map((place) => tabs[place] as LabTab)
    for (const tab of closing) await reserve(tab, `last of ${tab.name}`, expected)
    await Promise.all(closing.map((tab) => tab.close()))
    for (const tab of alive(tabs))
      await reserveWithin(WITHIN_MS, tab, `${tab.name} after ${closing[0]?.name}`, expected)
  }
  for (const tab of alive(tabs)) {
    expect(await seatsOf(tab)).toEqual(Object.fromEntries(expected))
    await tab.close()
  }
}

/** Of a cluster of their own: that of closed tabs is remembered for a while. */
async function openTabs(cluster: Cluster, count: number): Promise<LabTab[]> {
  const tabs: LabTab[] = []
  const name = `${cluster.name}-${++opened}`
  for (let i = 0; i < count; i++) tabs.push(await cluster.openTab({ name: `tab ${i}`, cluster: name }))
  const voters = count - ((count + 1) % 2)
  for (const tab of tabs) {
    await tab.until((wanted) => lab.legion.members.filter(({ role }) => role === 'voter').length === wanted, voters)
  }
  return tabs
}

function alive(tabs: readonly LabTab[]): LabTab[] {
  return tabs.filter(({ page }) => !page.isClosed())
}
