import { expect, it } from 'vitest'
import { Legion } from '../../src/legion.js'
import { memoryPlatform } from '../../src/testing/memory-platform.js'

it('[SIM42] carries whole Legions, on real time', { timeout: 60_000 }, async () => {
  const options = { cluster: 'theatre', signaling: 'memory:', platform: memoryPlatform() }
  const [a, b] = await Promise.all([Legion.join(options), Legion.join(options)])
  await a.applyConsistent('set', { key: 'seat', value: 'taken' })
  expect(await b.read('get', 'seat')).toBe('taken')
  await a.close()
  await b.applyConsistent('set', { key: 'seat', value: 'free' })
  await b.close()
})
