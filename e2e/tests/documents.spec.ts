import { expect, test } from '../harness/test.js'

for (const browser of ['chromium', 'firefox'] as const) {
  test(`[DOC47] what was typed in a tab on IndexedDB is there again with nobody to ask in ${browser}`, async ({
    cluster,
    signaling,
  }) => {
    const tab = await cluster.openTab({ name: 'typing', storage: 'indexeddb', browser, signaling: signaling.url })
    await tab.page.evaluate(async () => {
      for (const word of ['kept ', 'is ', 'this ']) {
        lab.legion.applyFast((y) => y.getText('notes').insert(0, word))
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      await lab.legion.doc().save()
    })
    tab.expectProblem(/WebSocket|signaling|ws:|connect/i)
    await signaling.stop()
    await tab.page.reload()
    await tab.page.evaluate((options) => void lab.open(options), tab.options)
    await tab.until(() => lab.text === 'this is kept ')
    expect(await tab.page.evaluate(() => lab.legion.documents.names())).toEqual(['main'])
    expect(await tab.page.evaluate(() => lab.legion.doc().status)).toBe('alone')
  })
}

test('[DOC47] two tabs of one browser keep a document each, and both are there again', async ({ cluster }) => {
  const tabs = await Promise.all(['one', 'two'].map((name) => cluster.openTab({ name, storage: 'indexeddb' })))
  for (const tab of tabs) {
    await tab.page.evaluate((name) => lab.legion.applyFast((y) => y.getText('notes').insert(0, `${name} `)), tab.name)
  }
  for (const tab of tabs) {
    await tab.until(() => lab.text.includes('one ') && lab.text.includes('two '))
    await tab.page.evaluate(() => lab.legion.doc().save())
  }
  for (const tab of tabs) await tab.close()
  const again = await cluster.openTab({ name: 'again', storage: 'indexeddb' })
  await again.until(() => lab.text.includes('one ') && lab.text.includes('two '))
})
