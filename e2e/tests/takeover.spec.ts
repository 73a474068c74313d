import type { Cluster } from '../harness/cluster.js'
import { orders } from '../harness/orders.js'
import { type Booked, reserve, reserveWithin, seatsOf } from '../harness/seats.js'
import type { LabTab } from '../harness/tab.js'
import { expect, test } from '../harness/test.js'

// Tabs of one browser that keep their state in IndexedDB: who ends, in whatever way, is taken over from its store.

const WITHIN_MS = 1_000
/** So long a tab leaves the stores that it finds to others that come back with it. */
const SETTLED_MS = 1_100

type Ending = (tab: LabTab) => Promise<void>
const close: Ending = (tab) => tab.close()
const crash: Ending = (tab) => tab.crash()

/** Places of tabs that end, those of a group at once. At place 0 is who leads in the beginning. */
type Groups = readonly (readonly number[])[]
const oneByOne = (places: readonly number[]): Groups => places.map((place) => [place])

for (const count of [1, 2, 3]) {
  test(`[LEG70] [LEG72] ${count} tabs on IndexedDB close in every order, one by one; one comes back`, async ({
    cluster,
  }) => {
    test.setTimeout(180_000)
    for (const order of orders(count)) await endInOrder(cluster, close, count, oneByOne(order))
  })
}

test('[LEG70] [LEG72] five tabs on IndexedDB close one by one, the leader first or last; one comes back', async ({
  cluster,
}) => {
  test.setTimeout(180_000)
  for (const order of [
    [0, 1, 2, 3, 4],
    [4, 3, 2, 1, 0],
    [2, 0, 4, 1, 3],
  ])
    await endInOrder(cluster, close, 5, oneByOne(order))
})

test('[LEG70] [LEG72] two of three and of five tabs on IndexedDB close at once; one comes back', async ({
  cluster,
}) => {
  test.setTimeout(180_000)
  await endInOrder(cluster, close, 3, [[0, 1], [2]])
  await endInOrder(cluster, close, 3, [[1, 2], [0]])
  await endInOrder(cluster, close, 5, [[0, 1], [2, 3], [4]])
  await endInOrder(cluster, close, 5, [[1, 4], [0, 2], [3]])
})

test('[LEG71] tabs on IndexedDB crash one by one: commands work within a second', async ({ cluster }) => {
  test.setTimeout(120_000)
  await endInOrder(cluster, crash, 3, [[0], [1]])
  await endInOrder(cluster, crash, 3, [[2]])
})

for (const count of [3, 5]) {
  test(`[LEG73] ${count} tabs on IndexedDB reload in turn, and stay who they are`, async ({ cluster }) => {
    test.setTimeout(120_000)
    const { tabs } = await openTabs(cluster, count)
    const booked: Booked = new Map()
    for (const tab of tabs) {
      await reserve(tab, `before ${tab.name}`, booked)
      const id = await tab.id
      await tab.page.reload()
      await reserveAtEach(except(tabs, [tab]), `while ${tab.name} is away`, booked)
      await tab.join()
      await reserve(tab, `after ${tab.name}`, booked)
      expect(await tab.id).toBe(id)
    }
    for (const tab of tabs) expect(await seatsOf(tab)).toEqual(Object.fromEntries(booked))
  })
}

/** After each group commands of all others work in time; if nobody is left, one comes back. */
async function endInOrder(cluster: Cluster, end: Ending, count: number, groups: Groups): Promise<void> {
  const { tabs, name } = await openTabs(cluster, count)
  const booked: Booked = new Map()
  let alive: readonly LabTab[] = tabs
  for (const group of groups) {
    const ending = group.map((place) => tabs[place] as LabTab)
    for (const tab of ending) await reserve(tab, `last of ${tab.name}`, booked)
    await Promise.all(ending.map(end))
    alive = except(alive, ending)
    await reserveAtEach(alive, `after ${ending[0]?.name}`, booked)
  }
  const rest = alive.length > 0 ? alive : [await openTab(cluster, 'again', name)]
  for (const tab of rest) {
    await reserveWithin(WITHIN_MS, tab, `at last ${tab.name}`, booked)
    expect(await seatsOf(tab)).toEqual(Object.fromEntries(booked))
    // Chromium complains of sockets that are closed while they open.
    await tab.until(() => lab.legion.status().mesh.rendezvous === 'joined')
    await tab.close()
  }
}

async function reserveAtEach(tabs: readonly LabTab[], when: string, booked: Booked): Promise<void> {
  for (const tab of tabs) await reserveWithin(WITHIN_MS, tab, `${tab.name} ${when}`, booked)
}

let opened = 0

async function openTabs(cluster: Cluster, count: number): Promise<{ tabs: LabTab[]; name: string }> {
  const name = `${cluster.name}-${++opened}`
  const tabs: LabTab[] = []
  for (let i = 0; i < count; i++) tabs.push(await openTab(cluster, `tab ${i}`, name))
  const voters = count - ((count + 1) % 2)
  for (const tab of tabs) {
    await tab.until((wanted) => lab.legion.members.filter(({ role }) => role === 'voter').length === wanted, voters)
  }
  await tabs[0]?.page.waitForTimeout(SETTLED_MS)
  return { tabs: await leaderFirst(tabs), name }
}

function openTab(cluster: Cluster, name: string, clusterName: string): Promise<LabTab> {
  return cluster.openTab({ name, cluster: clusterName, storage: 'indexeddb' })
}

async function leaderFirst(tabs: readonly LabTab[]): Promise<LabTab[]> {
  for (const tab of tabs) {
    if (await tab.page.evaluate(() => lab.legion.leader === lab.legion.self.id)) return [tab, ...except(tabs, [tab])]
  }
  throw new Error('nobody leads')
}

function except(tabs: readonly LabTab[], gone: readonly LabTab[]): LabTab[] {
  return tabs.filter((tab) => !gone.includes(tab))
}
