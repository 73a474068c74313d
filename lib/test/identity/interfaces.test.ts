import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { watchInterfaces } from '../../src/node/interfaces.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('[NET8] a process notices within a second that its machine got or lost an address, once per change', () => {
  let addresses = 'eth0 10.0.0.2'
  let woken = 0
  const unsubscribe = watchInterfaces(
    () => woken++,
    () => addresses,
  )
  vi.advanceTimersByTime(10_000)
  expect(woken).toBe(0)
  addresses = ''
  vi.advanceTimersByTime(1_000)
  expect(woken).toBe(1)
  addresses = 'wlan0 10.0.1.7'
  vi.advanceTimersByTime(5_000)
  expect(woken).toBe(2)
  unsubscribe()
  addresses = 'eth0 10.0.0.2'
  vi.advanceTimersByTime(5_000)
  expect(woken).toBe(2)
  expect(vi.getTimerCount()).toBe(0)
})
