import type { Cluster } from '../harness/cluster.js'
import { reserve, reserveWithin, seatsOf } from '../harness/seats.js'
import type { LabTab } from '../harness/tab.js'
import { expect, test } from '../harness/test.js'

// Tabs of one browser that keep their state in IndexedDB: who ends, in whatever way, is taken over from its store.

const WITHIN_MS = 1_000
/** So long a tab leaves the stores that it finds to others that come back with it. */
const SETTLED_MS = 1_500

type Ending = (tab: LabTab) => Promise<void>
const close: Ending = (tab) => tab.close()
const crash: Ending = (tab) => tab.crash()

let opened = 0

test('[LEG70] three tabs on IndexedDB close one by one: commands work within a second', async ({ cluster }) => {
  test.setTimeout(120_000)
  for (const order of [
    [0, 1],
    [1, 2],
    [2, 0],
  ])
    await endInOrder(
      cluster,
      close,
      order.map((place) => [place]),
    )
})

test('[LEG70] two of three tabs on IndexedDB close at once', async ({ cluster }) => {
  test.setTimeout(120_000)
  await endInOrder(cluster, close, [[0, 1]])
  await endInOrder(cluster, close, [[1, 2]])
})

test('[LEG71] tabs on IndexedDB crash one by one: commands work within a second', async ({ cluster }) => {
  test.setTimeout(120_000)
  for (const order of [[0, 1], [2]])
    await endInOrder(
      cluster,
      crash,
      order.map((place) => [place]),
    )
})

test('[LEG72] all tabs on IndexedDB closed, one reopened: it has the state and the quorum', async ({ cluster }) => {
  test.setTimeout(120_000)
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
  ]) {
    const { tabs, name } = await openTabs(cluster)
    const expected = new Map<string, string>()
    for (const tab of tabs) await reserve(tab, tab.name, expected)
    await Promise.all(order.map((place) => (tabs[place] as LabTab).close()))
    const again = await cluster.openTab({ name: 'again', cluster: name, storage: 'indexeddb' })
    await reserve(again, 'again', expected)
    expect(await seatsOf(again)).toEqual(Object.fromEntries(expected))
    await again.close()
  }
})

async function endInOrder(cluster: Cluster, end: Ending, groups: readonly (readonly number[])[]): Promise<void> {
  const { tabs } = await openTabs(cluster)
  const expected = new Map<string, string>()
  const alive = new Set(tabs)
  for (const group of groups) {
    const ending = group.map((place) => tabs[place] as LabTab)
    for (const tab of ending) await reserve(tab, `last of ${tab.name}`, expected)
    for (const tab of ending) alive.delete(tab)
    await Promise.all(ending.map(end))
    for (const tab of alive) await reserveWithin(WITHIN_MS, tab, `${tab.name} after ${ending[0]?.name}`, expected)
  }
  for (const tab of alive) {
    expect(await seatsOf(tab)).toEqual(Object.fromEntries(expected))
    await tab.close()
  }
}

async function openTabs(cluster: Cluster): Promise<{ tabs: LabTab[]; name: string }> {
  const name = `${cluster.name}-${++opened}`
  const tabs: LabTab[] = []
  for (let i = 0; i < 3; i++) {
    tabs.push(await cluster.openTab({ name: `tab ${i}`, cluster: name, storage: 'indexeddb' }))
  }
  for (const tab of tabs) {
    await tab.until(() => lab.legion.members.filter(({ role }) => role === 'voter').length === 3)
  }
  await tabs[0]?.page.waitForTimeout(SETTLED_MS)
  return { tabs, name }
}
