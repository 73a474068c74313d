import type { Cluster } from '../harness/cluster.js'
import type { DemoTab } from '../harness/demo-tab.js'
import type { NodePeer } from '../harness/node-peer.js'
import { paths } from '../harness/paths.js'
import { expect, test } from '../harness/test.js'

/** Enough that one may crash. */
const VOTERS = 3
const TABS = ['Ann', 'Ben', 'Cat', 'Fay']
const PEERS = ['Box office', 'Cloakroom']
const EVERYBODY = [...TABS, ...PEERS]

/** Three tabs of Chromium, one of Firefox and two processes in one theatre; whoever is first leads. */
interface Theatre {
  readonly tabs: readonly [DemoTab, DemoTab, DemoTab, DemoTab]
  readonly peers: readonly NodePeer[]
}

test('[DEM10] [DEM11] [DEM12] [DEM13] four tabs and two processes share a theatre; the leading tab crashes', async ({
  cluster,
}) => {
  const tabs = await openTabs(cluster)
  const peers = await startPeers(cluster)
  const [leader, ...others] = tabs
  await shareEverything({ tabs, peers })
  expect(await others[0].leader()).toBe(leader.name)
  await leader.crash()
  await goOnWithout(leader.name, others)
  await processesHaveEverything(cluster, others)
})

test('[DEM13] four tabs and two processes share a theatre; the leading process is killed', async ({ cluster }) => {
  const peers = await startPeers(cluster)
  const tabs = await openTabs(cluster)
  const leader = await tabs[0].leader()
  expect(PEERS).toContain(leader)
  await tabs[0].showsPeers(EVERYBODY, VOTERS)
  await type(tabs[0], 'Opening night')
  await reserve(tabs[0], 'A1')
  await peers.find(({ name }) => name === leader)?.kill()
  await goOnWithout(leader ?? '', tabs)
})

async function shareEverything({ tabs }: Theatre): Promise<void> {
  for (const tab of tabs) await tab.showsPeers(EVERYBODY, VOTERS)
  expect(new Set(await Promise.all(tabs.map((tab) => tab.leader()))).size).toBe(1)

  const [writer, ...readers] = tabs
  await type(writer, 'Opening night')
  for (const reader of readers) {
    await expect(reader.notes).toContainText('Opening night')
    await expect(reader.cursors).toContainText([writer.name])
  }
  await reserve(writer, 'A1')
  for (const reader of readers) await expect(reader.seat('A1')).toHaveAttribute('data-state', 'taken')
  await raceFor('C4', tabs)
}

/** Two click at the same moment: one gets the seat, and all see the same one. */
async function raceFor(seat: string, tabs: Theatre['tabs']): Promise<void> {
  const [, one, , fox] = tabs
  await Promise.all([one, fox].map((tab) => tab.seat(seat).click()))
  await expect(one.seat(seat)).toHaveAttribute('data-state', /mine|taken/)
  const isOne = (await one.seat(seat).getAttribute('data-state')) === 'mine'
  const [winner, loser] = isOne ? [one, fox] : [fox, one]
  await expect(winner.outcome).toHaveAttribute('data-tone', 'good')
  await expect(loser.outcome).toHaveAttribute('data-tone', 'lost')
  for (const tab of tabs) {
    const taken = tab === winner ? `Seat ${seat}, taken by you` : `Seat ${seat}, taken by ${winner.name}`
    await expect(tab.seat(seat)).toHaveAccessibleName(taken)
  }
}

async function goOnWithout(leader: string, tabs: readonly DemoTab[]): Promise<void> {
  const [booker, ...witnesses] = tabs as [DemoTab, ...DemoTab[]]
  const startedMs = Date.now()
  await reserve(booker, 'F8')
  console.log(`booking went on ${Date.now() - startedMs} ms after the leader had crashed`)
  for (const witness of witnesses) {
    await expect(witness.seat('F8')).toHaveAccessibleName(`Seat F8, taken by ${booker.name}`)
    expect(await witness.leader()).not.toBe(leader)
  }

  const [, reloaded] = tabs as [DemoTab, DemoTab]
  await reloaded.page.reload()
  await reloaded.agrees()
  await expect(reloaded.seat('F8')).toHaveAccessibleName(`Seat F8, taken by ${booker.name}`)
  await expect(reloaded.seat('A1')).not.toHaveAttribute('data-state', 'free')
  await expect(reloaded.notes).toContainText('Opening night')
}

/** What the processes have shows when they are the only ones left to tell it. */
async function processesHaveEverything(cluster: Cluster, tabs: readonly DemoTab[]): Promise<void> {
  const seats = ['A1', 'C4', 'F8']
  const holders: string[] = []
  const [watcher] = tabs.slice(-1) as [DemoTab]
  for (const seat of seats) holders.push(await watcher.holder(seat))
  for (const [position, tab] of tabs.entries()) {
    await tab.close()
    await tabs[position + 1]?.doesNotShow(tab.name) // The others have agreed on new voters.
  }
  const late = await cluster.openDemo('Late')
  for (const [i, seat] of seats.entries()) expect(await late.holder(seat)).toBe(holders[i])
  await expect(late.notes).toContainText('Opening night')
}

async function type(tab: DemoTab, text: string): Promise<void> {
  await tab.notes.click()
  await tab.page.keyboard.type(text)
}

async function reserve(tab: DemoTab, seat: string): Promise<void> {
  await tab.seat(seat).click()
  await expect(tab.seat(seat)).toHaveAttribute('data-state', 'mine')
}

async function openTabs(cluster: Cluster): Promise<Theatre['tabs']> {
  return [
    await cluster.openDemo('Ann'),
    await cluster.openDemo('Ben'),
    await cluster.openDemo('Cat'),
    await cluster.openDemo('Fay', { browser: 'firefox' }),
  ]
}

function startPeers(cluster: Cluster): Promise<NodePeer[]> {
  const machine = paths.demoMachine
  return Promise.all([
    cluster.startPeer({ name: 'Box office', webrtc: 'node-datachannel', machine }),
    cluster.startPeer({ name: 'Cloakroom', webrtc: 'roamhq', machine }),
  ])
}
