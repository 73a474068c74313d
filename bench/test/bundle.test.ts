import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type BundleWeight, weighBundle } from '../src/lab/bundle.js'

const ENTRY = fileURLToPath(new URL('../../lib/src/index.ts', import.meta.url))

/** What was reached, with a little room, in bytes after gzip. Lower it when something got smaller. */
const BUDGETS = {
  everything: { firstLoadBytes: 35_500, allBytes: 168_500 },
  legion: { firstLoadBytes: 31_500, allBytes: 168_600 },
}

describe('the browser entry', { timeout: 60_000 }, () => {
  it('[BEN1] stays within its budget', async () => {
    expect(await weighBundle(ENTRY)).toSatisfy(within(BUDGETS.everything))
  })

  it('[BEN1] is smaller at first for those who import Legion alone', async () => {
    expect(await weighBundle(ENTRY, ['Legion'])).toSatisfy(within(BUDGETS.legion))
  })
})

type Weight = Pick<BundleWeight, 'firstLoadBytes' | 'allBytes'>

function within(budget: Weight) {
  return ({ firstLoadBytes, allBytes }: Weight) =>
    firstLoadBytes > 0 && firstLoadBytes <= budget.firstLoadBytes && allBytes <= budget.allBytes
}
