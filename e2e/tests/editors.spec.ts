import { expect, test } from '../harness/test.js'

test('[DOC60] CodeMirror binds to a document and its awareness as to any of Yjs', async ({ cluster }) => {
  const [one, two] = [
    await cluster.openExample('editors/codemirror.html', 'one'),
    await cluster.openExample('editors/codemirror.html', 'two'),
  ]
  const [first, second] = [one.page.locator('.cm-content'), two.page.locator('.cm-content')]
  await first.click()
  await one.page.keyboard.type('hello')
  await expect(second).toHaveText(/^hello/)
  await second.click()
  await two.page.keyboard.press('End')
  await two.page.keyboard.type(' there')
  await expect(first).toHaveText(/hello there/)
  await expect(one.page.locator('.cm-ySelectionCaret')).toHaveCount(1)
  await two.close()
  await expect(one.page.locator('.cm-ySelectionCaret')).toHaveCount(0)
})

test('[DOC61] ProseMirror binds to a document and its awareness as to any of Yjs', async ({ cluster }) => {
  const [one, two] = [
    await cluster.openExample('editors/prosemirror.html', 'one'),
    await cluster.openExample('editors/prosemirror.html', 'two'),
  ]
  const [first, second] = [one.page.locator('.ProseMirror'), two.page.locator('.ProseMirror')]
  await first.click()
  await one.page.keyboard.type('rich ')
  await one.page.keyboard.press('Control+b')
  await one.page.keyboard.type('text')
  await expect(second.locator('strong')).toHaveText('text')
  await second.click()
  await two.page.keyboard.press('End')
  await two.page.keyboard.press('Enter')
  await two.page.keyboard.type('second paragraph')
  await expect(first.locator('p')).toHaveCount(2)
  await expect(one.page.locator('.ProseMirror-yjs-cursor')).toHaveCount(1)
  await one.page.keyboard.press('Control+z')
  await expect(second.locator('strong')).toHaveCount(0)
})
