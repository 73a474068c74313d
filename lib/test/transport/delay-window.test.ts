import { describe, expect, it } from 'vitest'
import { DelayWindow } from '../../src/transport/delay-window.js'

const STEP = 1_000
const MAX = 64_000
const MINUTE_MS = 60_000

function newWindow(): DelayWindow {
  return new DelayWindow({ stepBytes: STEP, leastBytes: 2 * STEP, maxBytes: MAX, leastTargetMs: 5 })
}

/** Acknowledges `count` steps out of a full window. */
function acknowledge(window: DelayWindow, count: number, delayMs: number, nowMs = 0): void {
  for (let i = 0; i < count; i++) window.acknowledged(STEP, window.bytes, delayMs, nowMs)
}

describe('the window of what is under way', () => {
  it('[LNK23] grows by half per round trip until something waits, then by a step, up to its limit', () => {
    const window = newWindow()
    expect(window.bytes).toBe(2 * STEP)
    acknowledge(window, 2, 3)
    expect(window.bytes).toBe(3 * STEP)
    acknowledge(window, 10, 3)
    expect(window.bytes).toBe(8 * STEP)
    acknowledge(window, 4, 6)
    const before = window.bytes
    acknowledge(window, 9, 6)
    expect(window.bytes).toBeGreaterThan(before)
    expect(window.bytes).toBeLessThanOrEqual(before + STEP)
    acknowledge(window, 10_000, 3)
    expect(window.bytes).toBe(MAX)
  })

  it('[LNK23] stays at the target, and shrinks above it down to the least', () => {
    const window = newWindow()
    acknowledge(window, 1_000, 3)
    acknowledge(window, 4, 8)
    const before = window.bytes
    acknowledge(window, 100, 8)
    expect(window.bytes).toBe(before)
    acknowledge(window, 60, 13)
    expect(window.bytes).toBeLessThan(before)
    acknowledge(window, 1_000, 200)
    expect(window.bytes).toBe(2 * STEP)
  })

  it('[LNK23] takes a queue as long as the path itself for no more than is wanted', () => {
    const window = newWindow()
    acknowledge(window, 1_000, 50)
    acknowledge(window, 4, 100)
    const before = window.bytes
    acknowledge(window, 100, 100)
    expect(window.bytes).toBe(before)
    acknowledge(window, 10, 110)
    expect(window.bytes).toBeLessThan(before)
  })

  it('[LNK23] loses at most half of what is acknowledged', () => {
    const window = newWindow()
    acknowledge(window, 1_000, 3)
    acknowledge(window, 3, 10_000) // the least of four counts: these are not late for the window
    const before = window.bytes
    acknowledge(window, 1, 10_000)
    expect(window.bytes).toBe(before - STEP / 2)
  })

  it('[LNK23] does not grow while it is not used', () => {
    const window = newWindow()
    for (let i = 0; i < 100; i++) window.acknowledged(STEP, STEP, 3, 0)
    expect(window.bytes).toBe(2 * STEP)
  })

  it('[LNK23] takes a longer path for granted after ten minutes', () => {
    const window = newWindow()
    acknowledge(window, 100, 3)
    const delayed = (minute: number) => acknowledge(window, 100, 33, minute * MINUTE_MS)
    for (let minute = 1; minute < 10; minute++) delayed(minute)
    expect(window.bytes).toBe(2 * STEP)
    delayed(10)
    expect(window.bytes).toBeGreaterThan(5 * STEP)
    acknowledge(window, 100, 73, 100 * MINUTE_MS) // much later: what was before says nothing
    expect(window.bytes).toBeGreaterThan(10 * STEP)
  })
})
