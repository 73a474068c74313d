import { describe, expect, it } from 'vitest'
import { DelayWindow } from '../../src/groups/snapshot-window.js'

const CHUNK = 1_000
const MAX = 64_000
const MINUTE_MS = 60_000

function newWindow(): DelayWindow {
  return new DelayWindow({ chunkBytes: CHUNK, maxBytes: MAX, targetMs: 5 })
}

/** Acknowledges `count` chunks out of a full window. */
function acknowledge(window: DelayWindow, count: number, delayMs: number, nowMs = 0): void {
  for (let i = 0; i < count; i++) window.acknowledged(CHUNK, window.bytes, delayMs, nowMs)
}

describe('the window of snapshot transfers', () => {
  it('[SNP20] grows by half per round trip until something waits, then by a chunk, up to its limit', () => {
    const window = newWindow()
    expect(window.bytes).toBe(2 * CHUNK)
    acknowledge(window, 2, 20)
    expect(window.bytes).toBe(3 * CHUNK)
    acknowledge(window, 10, 20)
    expect(window.bytes).toBe(8 * CHUNK)
    acknowledge(window, 4, 23)
    const before = window.bytes
    acknowledge(window, 9, 23)
    expect(window.bytes).toBeGreaterThan(before)
    expect(window.bytes).toBeLessThanOrEqual(before + CHUNK)
    acknowledge(window, 10_000, 20)
    expect(window.bytes).toBe(MAX)
  })

  it('[SNP20] stays at the target, and shrinks above it down to one chunk', () => {
    const window = newWindow()
    acknowledge(window, 1_000, 20)
    acknowledge(window, 4, 25)
    const before = window.bytes
    acknowledge(window, 100, 25)
    expect(window.bytes).toBe(before)
    acknowledge(window, 60, 30)
    expect(window.bytes).toBeLessThan(before)
    acknowledge(window, 1_000, 200)
    expect(window.bytes).toBe(CHUNK)
  })

  it('[SNP20] loses at most half of what is acknowledged', () => {
    const window = newWindow()
    acknowledge(window, 1_000, 20)
    acknowledge(window, 3, 10_000) // the least of four counts: these are not late for the window
    const before = window.bytes
    acknowledge(window, 1, 10_000)
    expect(window.bytes).toBe(before - CHUNK / 2)
  })

  it('[SNP20] does not grow while it is not used', () => {
    const window = newWindow()
    for (let i = 0; i < 100; i++) window.acknowledged(CHUNK, CHUNK, 20, 0)
    expect(window.bytes).toBe(2 * CHUNK)
  })

  it('[SNP20] takes a longer path for granted after ten minutes', () => {
    const window = newWindow()
    acknowledge(window, 100, 20)
    const delayed = (minute: number) => acknowledge(window, 100, 50, minute * MINUTE_MS)
    for (let minute = 1; minute < 10; minute++) delayed(minute)
    expect(window.bytes).toBe(CHUNK)
    delayed(10)
    expect(window.bytes).toBeGreaterThan(5 * CHUNK)
    acknowledge(window, 100, 90, 100 * MINUTE_MS) // much later: what was before says nothing
    expect(window.bytes).toBeGreaterThan(10 * CHUNK)
  })
})
