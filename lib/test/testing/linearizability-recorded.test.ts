import { describe, expect, it } from 'vitest'
import { checkLinearizability } from '../../src/testing/linearizability.js'
import { keyValueModel, registerModel } from '../../src/testing/models.js'
import {
  hasRecordedHistories,
  keyValueLabels,
  readKeyValueHistory,
  readRegisterHistory,
  registerLabels,
} from './recorded-histories.js'

const verdictOf = (isLinearizable: boolean) => (isLinearizable ? 'linearizable' : 'not-linearizable')

describe.skipIf(!hasRecordedHistories)('histories recorded and labelled by others', { timeout: 60_000 }, () => {
  it.each(registerLabels())('[SIM20] register %s: %s', (file, isLinearizable) => {
    const history = readRegisterHistory(file)
    expect(history.length).toBeGreaterThan(30)
    expect(checkLinearizability(history, registerModel<number | null>(null)).verdict).toBe(verdictOf(isLinearizable))
  })

  it.each(keyValueLabels())('[SIM20] key-value %s: %s', (file, isLinearizable) => {
    const history = readKeyValueHistory(file)
    expect(history.length).toBeGreaterThan(30)
    expect(checkLinearizability(history, keyValueModel).verdict).toBe(verdictOf(isLinearizable))
  })
})
