import type { LabTab } from '../harness/tab.js'
import { expect, test } from '../harness/test.js'

const GROUPS = ['orders', 'prices']

for (const storage of [undefined, 'indexeddb'] as const) {
  test(`[LEG36] two groups besides main in three tabs, ${storage ?? 'memory'}: each has its own state and goes on when a tab crashes`, async ({
    cluster,
  }) => {
    const tabs: LabTab[] = []
    for (const name of ['one', 'two', 'three']) tabs.push(await cluster.openTab({ name, storage }))
    const [one, two, three] = tabs as [LabTab, LabTab, LabTab]
    await Promise.all(tabs.map((tab) => tab.page.evaluate((names) => lab.openGroups(names), GROUPS)))
    for (const tab of tabs) await tab.until(everyGroupHasVoters, 3)

    await Promise.all(tabs.map((tab) => Promise.all(GROUPS.map((group) => set(tab, group, tab.name)))))
    await two.page.evaluate(() => lab.legion.applyConsistent('reserve', 'A1'))
    const keys = ['one', 'three', 'two']
    for (const group of GROUPS) expect(await keysOf(three, group)).toEqual(keys)
    expect(await one.page.evaluate(() => lab.legion.read('taken'))).toEqual(['A1'])

    await three.crash()
    await Promise.all(GROUPS.map((group) => set(one, group, 'later')))
    for (const group of GROUPS) expect(await keysOf(two, group)).toEqual(['later', ...keys])

    const late = await cluster.openTab({ name: 'late', storage })
    await late.page.evaluate((names) => lab.openGroups(names), GROUPS)
    for (const group of GROUPS) expect(await keysOf(late, group)).toEqual(['later', ...keys])
  })
}

function everyGroupHasVoters(count: number): boolean {
  const groups = [...lab.groups.values()]
  return groups.every(({ members }) => members.filter(({ role }) => role === 'voter').length === count)
}

/** The value tells the group too. */
function set(tab: LabTab, group: string, key: string): Promise<unknown> {
  return tab.page.evaluate(
    (what) => lab.groups.get(what.group)?.applyConsistent('set', { key: what.key, value: what.group }),
    { group, key },
  )
}

/** Linearizable; throws if a value is another group's. */
function keysOf(tab: LabTab, group: string): Promise<string[]> {
  return tab.page.evaluate(async (name) => {
    const entries = (await lab.groups.get(name)?.read('range', {})) as [key: string, value: unknown][]
    const strangers = entries.filter(([, value]) => value !== name)
    if (strangers.length > 0) throw new Error(`in ${name}: ${JSON.stringify(strangers)}`)
    return entries.map(([key]) => key)
  }, group)
}
