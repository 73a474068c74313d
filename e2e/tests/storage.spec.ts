import type { BrowserName, Cluster, World } from '../harness/cluster.js'
import type { Tab } from '../harness/tab.js'
import { expect, test } from '../harness/test.js'

interface Place {
  readonly cluster: Cluster
  readonly world: World
}

for (const browser of ['chromium', 'firefox'] as const) {
  test(`[STO21] IndexedDB fulfils the storage contract in ${browser}`, async ({ cluster, world }) => {
    const { page } = await openStorageLab({ cluster, world }, 'contract', browser)
    const titles = await page.evaluate(() => storageLab.contract.map(({ title }) => title))
    expect(titles.length).toBeGreaterThan(10)
    for (const title of titles) {
      await test.step(title, async () => {
        const problem = await page.evaluate((chosen) => storageLab.runCase(chosen), title)
        expect.soft(problem, title).toBeUndefined()
      })
    }
  })
}

test('[STO22] of two tabs one has a store; when it is closed or killed, the other can have it', async ({
  cluster,
  world,
}) => {
  const first = await openStorageLab({ cluster, world }, 'first')
  const second = await openStorageLab({ cluster, world }, 'second')
  expect(await open(first)).toBeUndefined()
  expect(await open(second)).toBe('E_STORAGE_LOCKED')
  expect(await second.page.evaluate(() => storageLab.remove('shared'))).toBe('E_STORAGE_LOCKED')

  await first.page.evaluate(() => storageLab.close())
  expect(await open(second)).toBeUndefined()
  expect(await open(first)).toBe('E_STORAGE_LOCKED')

  await second.crash()
  await expect.poll(() => open(first)).toBeUndefined()
})

test('[STO23] what was written before a tab was killed is there, and no batch is half there', async ({
  cluster,
  world,
}) => {
  const killed = await openStorageLab({ cluster, world }, 'killed')
  const reader = await openStorageLab({ cluster, world }, 'reader')
  expect(await open(killed)).toBeUndefined()
  const hundred = killed.page.waitForEvent('console', (message) => message.text() === 'written 100')
  killed.page.evaluate(() => storageLab.writeForever()).catch(() => {}) // It never ends.
  await hundred
  await killed.crash()

  await expect.poll(() => open(reader)).toBeUndefined()
  const firsts = await reader.page.evaluate(() => storageLab.keys('a'))
  const seconds = await reader.page.evaluate(() => storageLab.keys('b'))
  expect(firsts.length).toBeGreaterThan(100)
  expect(seconds).toEqual(firsts.map((key) => key.replace('a', 'b')))
  const resolved = killed.log.filter((line) => line.includes('written ')).length
  expect(firsts.length).toBeGreaterThanOrEqual(resolved)
})

test('[STO24] a damaged value in IndexedDB is refused, and so is a database deleted by somebody', async ({
  cluster,
  world,
}) => {
  const { page } = await openStorageLab({ cluster, world }, 'damaged')
  await page.evaluate(() => storageLab.open('damaged'))
  await page.evaluate(() => storageLab.write('whole', 'text'))
  await page.evaluate(() => storageLab.write('hurt', 'text'))
  await page.evaluate(overwriteByte, { database: 'lab/damaged', key: 'hurt' })
  expect(await page.evaluate(() => storageLab.read('whole'))).toBe('text')
  expect(await page.evaluate(() => storageLab.read('hurt'))).toContain(
    'Store "damaged" is damaged: the value of "hurt"',
  )

  await page.evaluate(() => {
    indexedDB.deleteDatabase('lab/damaged')
  })
  await expect.poll(() => page.evaluate(() => storageLab.read('whole'))).toContain('somebody deletes the database')
  expect(await page.evaluate(() => storageLab.write('more', 'text'))).toBe('E_STORAGE')
})

async function openStorageLab({ cluster, world }: Place, name: string, browser?: BrowserName): Promise<Tab> {
  const tab = await cluster.openBlank(name, browser)
  await tab.page.goto(`${world.labUrl}storage.html`)
  return tab
}

function open(tab: Tab): Promise<string | undefined> {
  return tab.page.evaluate(() => storageLab.open('shared'))
}

/** Runs in the page, past the library. */
function overwriteByte({ database, key }: { database: string; key: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(database)
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const transaction = opening.result.transaction('entries', 'readwrite')
      const entries = transaction.objectStore('entries')
      const getting = entries.get(key)
      getting.onsuccess = () => {
        const value: Uint8Array = getting.result
        value.fill(0, -1)
        entries.put(value, key)
      }
      transaction.oncomplete = () => {
        opening.result.close()
        resolve()
      }
    }
  })
}
