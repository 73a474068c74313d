import type { LabTab } from '../harness/tab.js'
import { expect, test } from '../harness/test.js'

const TRANSFERS = 200
const ACCOUNTS = 5
const START = 100

test('[AGR12] two tabs transfer money at random, at the same time: the sum is right and no account negative', async ({
  cluster,
}) => {
  const tabs = [await cluster.openTab({ name: 'one' }), await cluster.openTab({ name: 'two' })]
  await tabs[0]?.page.evaluate(openAccounts, { accounts: ACCOUNTS, start: START })
  const done = await Promise.all(tabs.map((tab) => tab.page.evaluate(transferAtRandom, TRANSFERS)))
  for (const { moved, refused } of done) {
    expect(moved + refused).toBe(TRANSFERS)
    expect(moved).toBeGreaterThan(0)
  }
  const states = await Promise.all(tabs.map((tab) => balancesAfter(tab, 2 * TRANSFERS)))
  expect(states[0]).toEqual(states[1])
  const balances = Object.values(states[0] ?? {})
  expect(balances.reduce((sum, balance) => sum + balance, 0)).toBe(ACCOUNTS * START)
  expect(Math.min(...balances)).toBeGreaterThanOrEqual(0)
})

async function openAccounts({ accounts, start }: { accounts: number; start: number }): Promise<void> {
  await lab.legion.doc('accounts', { agreed: true }).applyConsistent((y) => {
    for (let i = 0; i < accounts; i++) y.getMap<number>('balances').set(`account ${i}`, start)
  })
}

/** Several hands at once, each one transfer after the other. */
async function transferAtRandom(count: number): Promise<{ moved: number; refused: number }> {
  const accounts = lab.legion.doc('accounts', { agreed: true })
  const hands = 5
  const transfer = () =>
    accounts.applyConsistent(
      (y) => {
        const balances = y.getMap<number>('balances')
        const names = [...balances.keys()].sort()
        const [from = '', to = ''] = [0, 1].map(() => names[Math.floor(Math.random() * names.length)])
        const amount = 1 + Math.floor(Math.random() * 80)
        y.getMap<number>('done').set(crypto.randomUUID(), amount)
        if (from === to || (balances.get(from) ?? 0) < amount) return false
        balances.set(from, (balances.get(from) ?? 0) - amount)
        balances.set(to, (balances.get(to) ?? 0) + amount)
        return true
      },
      { timeoutMs: 30_000 },
    )
  const results: boolean[] = []
  const work = async () => {
    for (let i = 0; i < count / hands; i++) results.push(await transfer())
  }
  await Promise.all(Array.from({ length: hands }, work))
  const moved = results.filter(Boolean).length
  return { moved, refused: results.length - moved }
}

/** @param transfers how many must have arrived */
async function balancesAfter(tab: LabTab, transfers: number): Promise<Record<string, number>> {
  await tab.until(
    (count) => lab.legion.doc('accounts', { agreed: true }).agreed.getMap('done').size === count,
    transfers,
  )
  return tab.page.evaluate(() =>
    lab.legion.doc('accounts', { agreed: true }).agreed.getMap<number>('balances').toJSON(),
  )
}
