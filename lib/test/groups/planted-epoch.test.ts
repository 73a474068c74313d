import { expect, it, vi } from 'vitest'
import { recoverWrongly } from './epochs-apart.js'

// The planted bug: messages of another epoch are taken.
vi.mock(import('../../src/groups/epoch.js'), async (original) => ({ ...(await original()), isOfEpoch: () => true }))

it('[REC11] an old epoch that is accepted is caught', async () => {
  const seen = await recoverWrongly().catch(String)
  expect(seen).not.toEqual({ here: 2, there: 1, splits: 3 })
}, 20_000)
