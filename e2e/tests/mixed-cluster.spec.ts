import type { Cluster } from '../harness/cluster.js'
import type { NodePeer } from '../harness/node-peer.js'
import { paths } from '../harness/paths.js'
import type { LabTab } from '../harness/tab.js'
import { expect, test } from '../harness/test.js'

const MACHINE = paths.labMachine
const SEATS = ['1A', '1B', '2A', '2B', '3A', '3B', '4A', '4B', '5A', '5B']

test('[LEG1] [LEG3] tabs of two browsers and processes with two WebRTC implementations form one cluster', async ({
  cluster,
}) => {
  const tabs = await openTabs(cluster, 3)
  await startPeers(cluster)
  const names = ['fox', 'ndc', 'roamhq', 'tab1', 'tab2', 'tab3']
  for (const tab of tabs) {
    await allHere(tab, names)
    expect(await tab.page.evaluate(() => lab.memberNames)).toEqual(names)
    expect(await tab.page.evaluate(() => lab.voterNames)).toHaveLength(5)
  }
  const leaders = await Promise.all(tabs.map((tab) => tab.page.evaluate(() => lab.legion.leader)))
  expect(new Set(leaders).size).toBe(1)

  await Promise.all(tabs.map((tab) => write(tab, `${tab.name} was here. `)))
  for (const tab of tabs) await tab.until((length) => lab.text.length === length, 4 * 'tabN was here. '.length - 1)
  expect(new Set(await Promise.all(tabs.map((tab) => tab.page.evaluate(() => lab.text)))).size).toBe(1)
})

test('[LEG2] of two tabs that reserve a seat at the same moment one wins, the same one everywhere', async ({
  cluster,
}) => {
  const tabs = await openTabs(cluster, 2)
  await startPeers(cluster)
  const [one, , fox] = tabs as [LabTab, LabTab, LabTab]
  const winners: Record<string, string> = {}
  for (const seat of SEATS) {
    const outcomes = await Promise.all([reserve(one, seat), reserve(fox, seat)])
    expect(outcomes.map(({ ok }) => ok).sort()).toEqual([false, true])
    expect(outcomes[0].holder).toBe(outcomes[1].holder)
    winners[seat] = outcomes[0].holder
  }
  for (const tab of tabs) {
    await tab.until((count) => Object.keys(lab.seats).length === count, SEATS.length)
    expect(await tab.page.evaluate(() => lab.seats)).toEqual(winners)
  }

  // What the processes have shows when they are the only ones left to tell it.
  for (const tab of tabs) await allHere(tab, ['fox', 'ndc', 'roamhq', 'tab1', 'tab2'])
  await closeInTurn(tabs)
  const late = await cluster.openTab({ name: 'late' })
  expect(await late.page.evaluate(() => lab.seats)).toEqual(winners)
})

test('[LEG5] [LEG6] booking goes on when the tab that leads crashes, and a tab that reloads has everything', async ({
  cluster,
}) => {
  const [leader, tab] = (await openTabs(cluster, 2)) as [LabTab, LabTab]
  await startPeers(cluster)
  await allHere(tab, ['fox', 'ndc', 'roamhq', 'tab1', 'tab2'])
  expect(await tab.page.evaluate(() => lab.legion.leader)).toBe(await leader.id)
  await bookingGoesOn(tab, () => leader.crash())
})

test('[LEG5] [LEG6] booking goes on when the process that leads is killed, and a tab that reloads has everything', async ({
  cluster,
}) => {
  const peers = await startPeers(cluster)
  const [tab] = (await openTabs(cluster, 2)) as [LabTab]
  await allHere(tab, ['fox', 'ndc', 'roamhq', 'tab1', 'tab2'])
  const leader = await tab.page.evaluate(() => lab.legion.leader)
  const leading = peers.find(({ id }) => id === leader)
  expect(leading).toBeDefined()
  await bookingGoesOn(tab, async () => leading?.kill())
})

async function bookingGoesOn(tab: LabTab, killLeader: () => Promise<void>): Promise<void> {
  await reserve(tab, '1A')
  await write(tab, 'kept')

  await killLeader()
  const startedMs = Date.now()
  expect(await reserve(tab, '1B')).toMatchObject({ ok: true })
  console.log(`booking went on ${Date.now() - startedMs} ms after the leader had crashed`)

  const before = await tab.id
  await tab.reload()
  expect(await tab.page.evaluate(() => lab.seats)).toEqual({ '1A': before, '1B': before })
  await tab.until(() => lab.text === 'kept')
  expect(await reserve(tab, '1C')).toMatchObject({ ok: true })
}

async function openTabs(cluster: Cluster, chromiumCount: number): Promise<LabTab[]> {
  const tabs: LabTab[] = []
  for (let i = 1; i <= chromiumCount; i++) tabs.push(await cluster.openTab({ name: `tab${i}` }))
  tabs.push(await cluster.openTab({ name: 'fox', browser: 'firefox' }))
  return tabs
}

/** Each after the others have removed the one before: a majority of the voters is there at any time. */
async function closeInTurn(tabs: readonly LabTab[]): Promise<void> {
  for (const [position, tab] of tabs.entries()) {
    await tab.close()
    await tabs[position + 1]?.until((name) => !lab.memberNames.includes(name), tab.name)
  }
}

function startPeers(cluster: Cluster): Promise<NodePeer[]> {
  return Promise.all([
    cluster.startPeer({ name: 'ndc', webrtc: 'node-datachannel', machine: MACHINE }),
    cluster.startPeer({ name: 'roamhq', webrtc: 'roamhq', machine: MACHINE }),
  ])
}

/** Everybody is linked with `tab`, a member, and a voter as far as there are places. */
async function allHere(tab: LabTab, names: readonly string[]): Promise<void> {
  await tab.until(
    (count) =>
      lab.peerNames.length === count - 1 &&
      lab.memberNames.length === count &&
      lab.voterNames.length === Math.min(5, count),
    names.length,
  )
}

function write(tab: LabTab, text: string): Promise<void> {
  return tab.page.evaluate((words) => lab.legion.applyFast((doc) => doc.getText('notes').insert(0, words)), text)
}

function reserve(tab: LabTab, seat: string): Promise<{ ok: boolean; holder: string }> {
  return tab.page.evaluate((wanted) => lab.legion.applyConsistent('reserve', wanted), seat)
}
