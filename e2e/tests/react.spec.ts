import { expect, test } from '../harness/test.js'

const APP = 'react/index.html'

test('[RCT1] under StrictMode a provider opens one Legion; hooks show peers, state and documents', async ({
  cluster,
}) => {
  const one = await cluster.openExample(APP, 'one')
  const two = await cluster.openExample(APP, 'two')
  // One Legion each: were there two, somebody would see more than one other.
  for (const { page } of [one, two]) await expect(page.getByTestId('people')).toHaveText('1 others')
  await one.page.getByRole('button', { name: '1A' }).click()
  for (const { page } of [one, two]) {
    await expect(page.getByLabel('taken')).toHaveText('1A')
    await expect(page.getByRole('button', { name: '1A' })).toBeDisabled()
  }
  await two.page.getByRole('button', { name: 'Shout' }).click()
  for (const { page } of [one, two]) await expect(page.getByLabel('notes')).toHaveText('!')
})

test('[RCT2] a provider that is unmounted closes its Legion a moment later, and opens another when mounted again', async ({
  cluster,
}) => {
  const one = await cluster.openReact('one')
  const two = await cluster.openReact('two')
  await expect(one.page.getByTestId('people')).toHaveText('1 others')
  await two.page.getByRole('button', { name: '1B' }).click()
  await two.page.evaluate(() => app.unmount())
  await expect(one.page.getByTestId('people')).toHaveText('0 others')
  await two.page.evaluate(() => app.mount())
  await expect(one.page.getByTestId('people')).toHaveText('1 others')
  await expect(two.page.getByLabel('taken')).toHaveText('1B')
})

test('[RCT3] a provider that is mounted again within the moment keeps its Legion', async ({ cluster }) => {
  const one = await cluster.openReact('one')
  const two = await cluster.openReact('two')
  await two.page.getByRole('button', { name: 'Shout' }).click()
  await expect(one.page.getByLabel('notes')).toHaveText('!')
  await one.close() // nobody else has the notes now
  await expect(two.page.getByTestId('people')).toHaveText('0 others')
  await two.page.evaluate(() => {
    app.unmount()
    app.mount()
  })
  await expect(two.page.getByLabel('notes')).toHaveText('!')
})
