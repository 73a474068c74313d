import type { Cluster } from '../harness/cluster.js'
import type { LabTab } from '../harness/tab.js'
import { expect, test } from '../harness/test.js'

const RELOADS = 8

test('[LEG31] a tab on IndexedDB that is closed and opened again is the same peer with the same state', async ({
  cluster,
}) => {
  const tab = await openKept(cluster, 'alone')
  await reserve(tab, 'A1')
  const id = await tab.id
  await tab.close()
  const again = await openKept(cluster, 'again')
  expect(await again.id).toBe(id)
  expect(await seats(again)).toEqual({ A1: id })
  expect(await reserve(again, 'A2')).toMatchObject({ ok: true, holder: id })

  await again.crash()
  await again.close()
  const afterCrash = await openKept(cluster, 'after the crash')
  expect(await afterCrash.id).toBe(id)
  expect(await seats(afterCrash)).toEqual({ A1: id, A2: id })
})

for (const browser of ['chromium', 'firefox'] as const) {
  test(`[LEG31] a tab on IndexedDB stays the same peer over many reloads in ${browser}`, async ({ cluster }) => {
    const tab = await cluster.openTab({ name: 'reloaded', storage: 'indexeddb', browser })
    const ids = [await tab.id]
    for (let i = 0; i < RELOADS; i++) {
      await reserve(tab, `A${i}`)
      await tab.reload()
      ids.push(await tab.id)
    }
    expect(new Set(ids).size).toBe(1)
    expect(Object.keys(await seats(tab))).toHaveLength(RELOADS)
  })
}

test('[LEG32] three tabs on IndexedDB that were closed one after another come back with everything', async ({
  cluster,
}) => {
  const tabs = [await openKept(cluster, 'one'), await openKept(cluster, 'two'), await openKept(cluster, 'three')]
  const ids: string[] = []
  for (const tab of tabs) {
    await tab.until(() => lab.voterNames.length === 3)
    ids.push(await tab.id)
    await reserve(tab, tab.name)
  }
  for (const tab of tabs) await tab.close()

  const again = await Promise.all(
    ['four', 'five', 'six'].map((name) => cluster.openLab({ name, storage: 'indexeddb' })),
  )
  await Promise.all(again.map((tab) => tab.join()))
  expect((await Promise.all(again.map((tab) => tab.id))).sort()).toEqual(ids.toSorted())
  for (const tab of again) {
    await reserve(tab, tab.name)
    expect(await tab.page.evaluate(() => lab.legion.read('taken'))).toEqual(
      expect.arrayContaining(['one', 'three', 'two', tab.name]),
    )
  }
  const [four] = again as [LabTab]
  expect(await four.page.evaluate(() => lab.legion.members.map(({ peer }) => peer).sort())).toEqual(ids.toSorted())
})

test('[LEG33] a duplicated tab on IndexedDB is another peer, and both stay who they are', async ({ cluster }) => {
  const tab = await openKept(cluster, 'original')
  const copy = await cluster.duplicate(tab, 'copy')
  const ids = [await tab.id, await copy.id]
  expect(new Set(ids).size).toBe(2)
  await tab.until(() => lab.memberNames.length === 2)
  await reserve(copy, 'A1')
  await copy.reload()
  await tab.reload()
  expect([await tab.id, await copy.id]).toEqual(ids)
  for (const one of [tab, copy]) {
    await one.until(() => lab.peerNames.length === 1 && lab.memberNames.length === 2)
    expect(await seats(one)).toEqual({ A1: ids[1] })
  }
})

test('[LEG34] where a page can store nothing, joining with IndexedDB fails and says what to do', async ({
  cluster,
}) => {
  const problem = async (init: () => void) => {
    const tab = await cluster.openLab({ name: 'refused', storage: 'indexeddb' })
    await tab.page.addInitScript(init)
    await tab.page.reload()
    return tab.page.evaluate((options) => lab.join(options).catch(({ code, message }) => ({ code, message })), {
      ...tab.options,
    })
  }
  expect(await problem(() => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined }))).toEqual({
    code: 'E_UNSUPPORTED',
    message: 'IndexedDB needs Web Locks: serve the page by https, or from localhost.',
  })
  expect(await problem(() => Object.defineProperty(globalThis, 'indexedDB', { value: undefined }))).toEqual({
    code: 'E_UNSUPPORTED',
    message: 'There is no IndexedDB here: let the site store data, or use no storage.',
  })
  const refusing = await problem(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('The user denied permission to access the database.', 'SecurityError')
    }
  })
  expect(refusing).toEqual({
    code: 'E_STORAGE',
    message: expect.stringMatching(
      /^Opening store ".*" failed \(SecurityError: The user denied permission.*Let the site store data/,
    ),
  })
})

test('[LEG35] a tab whose disk is full stops its replica and says so; documents, messages and the others go on', async ({
  cluster,
}) => {
  const tabs = [await openKept(cluster, 'full'), await openKept(cluster, 'two'), await openKept(cluster, 'three')]
  const [full, two] = tabs as [LabTab, LabTab]
  for (const tab of tabs) await tab.until(() => lab.voterNames.length === 3)
  const page = await full.page.evaluate(() => {
    IDBObjectStore.prototype.put = () => {
      throw new DOMException('The quota has been exceeded.', 'QuotaExceededError')
    }
    return lab.legion
      .applyConsistent('reserve', 'A1')
      .catch(({ code, message, outcome }) => ({ code, message, outcome }))
  })
  expect(page).toEqual({ code: 'E_STORAGE', message: expect.stringContaining('It is full'), outcome: 'unknown' })
  expect(await full.page.evaluate(() => lab.told)).toEqual(['E_STORAGE'])

  expect(await reserve(two, 'A2')).toMatchObject({ ok: true })
  await full.page.evaluate(() => lab.legion.applyFast((doc) => doc.getText('notes').insert(0, 'still here')))
  await two.until(() => lab.text === 'still here')
  const sum = full.page.evaluate((peer) => lab.legion.call(peer, 'add', { a: 1, b: 2 }), await two.id)
  expect(await sum).toBe(3)
})

function openKept(cluster: Cluster, name: string): Promise<LabTab> {
  return cluster.openTab({ name, storage: 'indexeddb' })
}

function reserve(tab: LabTab, seat: string): Promise<{ ok: boolean; holder: string }> {
  return tab.page.evaluate((wanted) => lab.legion.applyConsistent('reserve', wanted), seat)
}

/** As new as all that was done before. */
function seats(tab: LabTab): Promise<Readonly<Record<string, string>>> {
  return tab.page.evaluate(async () => {
    await lab.legion.read('taken')
    return lab.seats
  })
}
