import { expect, it } from 'vitest'
import { Legion } from '../../src/legion.js'
import { memoryPlatform } from '../../src/testing/memory-platform.js'

it('[GRP102] a peer that has the quorum alone lets timers and messages through, however many commands follow each other', async () => {
  const legion = await Legion.join({ cluster: 'busy', signaling: 'memory:', platform: memoryPlatform() })
  let fired = 0
  const timer = setInterval(() => fired++)
  for (let i = 0; i < 5_000; i++) await legion.applyConsistent('increment', { key: 'n' })
  clearInterval(timer)
  expect(fired).toBeGreaterThan(0)
  await legion.close()
})
