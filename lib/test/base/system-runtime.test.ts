import { describe, expect, it } from 'vitest'
import type { Timer } from '../../src/base/runtime.js'
import { byMessageChannel, systemRuntime } from '../../src/base/system-runtime.js'

const runtime = systemRuntime()

describe.each([
  ['setTimer(0) in Node', (fn: () => void): Timer => runtime.setTimer(0, fn)],
  ['setTimer(0) in browsers', byMessageChannel()],
])('%s', (_where, deferTask) => {
  const turn = () => new Promise<void>((resolve) => void deferTask(resolve))

  it('[BAS1] comes after all microtasks, in order, and never before setTimer returns', async () => {
    const order: string[] = []
    deferTask(() => order.push('first'))
    deferTask(() => order.push('second'))
    queueMicrotask(() => queueMicrotask(() => order.push('microtask')))
    order.push('now')
    await turn()
    expect(order).toEqual(['now', 'microtask', 'first', 'second'])
  })

  it('[BAS1] does not come once it is cancelled, also by one before it', async () => {
    const order: string[] = []
    const earlier = deferTask(() => order.push('cancelled at once'))
    earlier.cancel()
    earlier.cancel()
    deferTask(() => later.cancel())
    const later = deferTask(() => order.push('cancelled by another'))
    deferTask(() => order.push('stays'))
    await turn()
    expect(order).toEqual(['stays'])
  })

  it('[BAS1] is not clamped: a thousand in a row take no time', async () => {
    const startMs = runtime.nowMs()
    for (let i = 0; i < 1000; i++) await turn()
    expect(runtime.nowMs() - startMs).toBeLessThan(900) // by timeouts it is a second at least
  })

  it('[BAS1] a task that throws does not hold up those after it', async () => {
    const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve))
    const listeners = process.listeners('uncaughtException').slice(0, -1)
    for (const listener of listeners) process.off('uncaughtException', listener)
    deferTask(() => {
      throw new Error('planned')
    })
    await turn()
    await expect(uncaught).resolves.toMatchObject({ message: 'planned' })
    for (const listener of listeners) process.on('uncaughtException', listener)
  })
})

it('[BAS1] a timer with a delay comes after it', async () => {
  const startMs = runtime.nowMs()
  await new Promise<void>((resolve) => void runtime.setTimer(20, resolve))
  expect(runtime.nowMs() - startMs).toBeGreaterThanOrEqual(19)
})
