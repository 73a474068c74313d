import type { Cluster } from '../harness/cluster.js'
import type { LabTab } from '../harness/tab.js'
import { expect, test } from '../harness/test.js'

type Trio = readonly [LabTab, LabTab, LabTab]

for (const storage of [undefined, 'indexeddb'] as const) {
  test(`[LEG30] two of three tabs reload with a newer machine, ${storage ?? 'memory'}: the third is outdated and loses nothing`, async ({
    cluster,
  }) => {
    test.setTimeout(90_000)
    const tabs = await openTrio(cluster, storage)
    const [first, second, third] = tabs
    const booked = bookUntilOutdated(third)
    await first.reload({ version: 2 })
    await third.until(() => lab.voterNames.length === 3)
    expect(await first.page.evaluate(() => lab.legion.status().main?.machine)).toMatchObject({
      version: 1,
      ownVersion: 2,
    })
    await second.reload({ version: 2 })
    const seats = await booked
    expect(seats.length).toBeGreaterThanOrEqual(2) // however fast the machine is

    await theOthersGoOn(tabs, seats)
    await outdatedGoesOnToo(tabs)
    await comesBack(tabs)
  })
}

/** Three voters on version 1, each of which has booked and written something. */
async function openTrio(cluster: Cluster, storage: 'indexeddb' | undefined): Promise<Trio> {
  const open = (name: string) => cluster.openTab({ name, storage })
  const tabs = [await open('first'), await open('second'), await open('third')] as const
  for (const tab of tabs) {
    await tab.until(() => lab.voterNames.length === 3 && lab.peerNames.length === 2)
    await tab.page.evaluate((seat) => lab.legion.applyConsistent('reserve', seat), `of ${tab.name}`)
    await write(tab, `${tab.name} `)
  }
  for (const tab of tabs) await tab.until((length) => lab.text.length === length, 'first second third '.length)
  return tabs
}

/** Books seat after seat. Resolves with those that were acknowledged when the tab is told that it is outdated. */
function bookUntilOutdated(tab: LabTab): Promise<string[]> {
  return tab.page.evaluate(async () => {
    const seats: string[] = []
    for (let number = 1; ; number++) {
      const booked = lab.legion.applyConsistent('reserve', `seat ${number}`)
      const code = await booked.then(
        () => undefined,
        ({ code }) => code,
      )
      if (code === 'E_OUTDATED') return seats
      if (code !== undefined) throw new Error(`seat ${number}: ${code}`)
      seats.push(`seat ${number}`)
      await new Promise((resolve) => setTimeout(resolve)) // as a person who clicks: a sole voter answers without a turn
    }
  })
}

async function theOthersGoOn([first, second, third]: Trio, seats: readonly string[]): Promise<void> {
  for (const tab of [first, second]) await tab.until(() => lab.legion.status().main?.machine.version === 2)
  await first.page.evaluate(() => lab.legion.applyConsistent('price', { seat: 'seat 1', amount: 35 }))
  await haveSameState(first, second)

  const state = await second.page.evaluate(() => lab.legion.read('taken').then(() => lab.legion.state))
  expect(state.prices).toMatchObject({ 'seat 1': 35, 'seat 2': 20, 'of first': 20, 'of second': 20, 'of third': 20 })
  const thirdId = await third.id
  expect(state.seats).toMatchObject(Object.fromEntries(seats.map((seat) => [seat, thirdId])))
}

/** The library's own hashes of the state at one place in the log. */
async function haveSameState(one: LabTab, other: LabTab): Promise<void> {
  const { index, hash } = await one.page.evaluate(() => lab.legion.main.snapshot())
  await other.until((checkpoint) => lab.legion.status().main?.checkpoint?.index === checkpoint, index)
  expect(await other.page.evaluate(() => lab.legion.status().main?.checkpoint)).toMatchObject({ index, hash })
}

async function outdatedGoesOnToo([first, second, third]: Trio): Promise<void> {
  expect(await third.page.evaluate(() => [lab.told, lab.legion.status().main?.machine])).toEqual([
    ['E_OUTDATED'],
    { name: 'theatre', version: 1, ownVersion: 1, isOutdated: true },
  ])
  const refused = await third.page.evaluate(() =>
    lab.legion.read('taken').catch(({ code, outcome }) => [code, outcome]),
  )
  expect(refused).toEqual(['E_OUTDATED', 'not-applied'])
  await third.until(() => lab.legion.leader !== lab.legion.self.id) // hands on what it led

  await write(third, 'still here ')
  for (const tab of [first, second]) await tab.until(() => lab.text.includes('still here '))
  const sum = third.page.evaluate((peer) => lab.legion.call(peer, 'add', { a: 1, b: 2 }), await first.id)
  expect(await sum).toBe(3)
  const back = second.page.evaluate((peer) => lab.legion.call(peer, 'add', { a: 3, b: 4 }), await third.id)
  expect(await back).toBe(7)
}

async function comesBack([first, , third]: Trio): Promise<void> {
  await third.reload({ version: 2 })
  expect(await third.page.evaluate(() => lab.legion.applyConsistent('reserve', 'new'))).toMatchObject({ ok: true })
  await third.page.evaluate(() => lab.legion.applyConsistent('price', { seat: 'new', amount: 5 }))
  await third.until(() => lab.voterNames.length === 3)
  await haveSameState(third, first)
  await third.until(() => lab.text.includes('still here '))
  expect(await third.page.evaluate(() => lab.told)).toEqual([])
}

function write(tab: LabTab, text: string): Promise<void> {
  return tab.page.evaluate((words) => lab.legion.applyFast((doc) => doc.getText('notes').insert(0, words)), text)
}
