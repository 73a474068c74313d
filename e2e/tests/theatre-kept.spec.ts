import { paths } from '../harness/paths.js'
import { expect, test } from '../harness/test.js'

test('[DEM7] [DEM14] seats that are kept in this browser are there when the only tab is opened again', async ({
  cluster,
}) => {
  const tab = await cluster.openDemo('Ann')
  await expect(tab.keep).toHaveAttribute('data-kept', 'false')
  await tab.keep.click()
  await tab.agrees()
  await expect(tab.keep).toHaveText('kept in this browser')
  await tab.seat('C4').click()
  await expect(tab.seat('C4')).toHaveAttribute('data-state', 'mine')
  await tab.close()

  const again = await cluster.openDemo('Ann', { storage: 'indexeddb' })
  await expect(again.keep).toHaveText('kept in this browser')
  await expect(again.seat('C4')).toHaveAttribute('data-state', 'mine')
  await again.seat('C4').click()
  await expect(again.seat('C4')).toHaveAttribute('data-state', 'free')
})

test('[DEM15] a tab that is outdated says so and offers to reload; its notes go on', async ({ cluster }) => {
  const tab = await cluster.openDemo('Ann')
  const other = await cluster.openDemo('Ben')
  const machine = paths.newerDemoMachine
  for (const name of ['Box office', 'Cloakroom', 'Foyer']) {
    await cluster.startPeer({ name, webrtc: 'node-datachannel', machine })
  }
  for (const one of [tab, other]) {
    await expect(one.page.getByTestId('outdated')).toContainText('The others run a newer version')
    await expect(one.page.getByTestId('phase')).toHaveAttribute('data-state', 'outdated')
  }
  await tab.notes.click()
  await tab.page.keyboard.type('Still here')
  await expect(other.notes).toContainText('Still here')
  await tab.seat('A1').click()
  await expect(tab.outcome).toHaveAttribute('data-code', 'E_OUTDATED')

  const loaded = tab.page.waitForEvent('load')
  await tab.page.getByRole('button', { name: 'Reload' }).click()
  await loaded
  await expect(tab.page.getByTestId('failure')).toHaveAttribute('data-code', 'E_OUTDATED') // the site still has the old page
  await expect(tab.page.getByRole('button', { name: 'Reload' })).toBeVisible()
})

test('[DEM16] where the browser stores nothing the tab says why and offers to go on without keeping', async ({
  cluster,
}) => {
  const tab = await cluster.openDemo('Ann')
  await tab.page.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('The user denied permission to access the database.', 'SecurityError')
    }
  })
  await tab.keep.click()
  const failure = tab.page.getByTestId('failure')
  await expect(failure).toHaveAttribute('data-code', 'E_STORAGE')
  await expect(failure).toContainText('The user denied permission')
  await tab.page.getByRole('link', { name: 'Go on without keeping' }).click()
  await tab.agrees()
  await expect(tab.keep).toHaveAttribute('data-kept', 'false')
})
