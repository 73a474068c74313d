import { expect, it } from 'vitest'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import type { Channel } from '../../src/transport/channel.js'
import { Link } from '../../src/transport/link.js'
import { memoryChannelPair } from '../../src/transport/memory-channel.js'

/** A link whose other end answers nothing, on a channel that can restart, or says that it can't. */
function silentLink(canRestart = true) {
  const clock = new SimulatedClock()
  const { a, b: other } = memoryChannelPair({ runtime: clock.fork(1) })
  const restarts: number[] = []
  const channel: Channel = Object.assign(a, { restart: () => restarts.push(clock.nowMs) > 0 && canRestart })
  return { clock, link: new Link(channel, { runtime: clock.fork(2) }), other, restarts }
}

const NOTE = Uint8Array.of(0, 1, 0, 1, 7) // One whole frame with one byte.

it('[NET3] a silent link looks for a new path once, before it is given up', async () => {
  const { clock, link, restarts } = silentLink()
  await clock.run(3_500)
  expect(restarts).toEqual([])
  await clock.run(200)
  expect(restarts).toEqual([3_600])
  await clock.run(4_700)
  expect(restarts).toHaveLength(1)
  expect(link.channel.state).toBe('open')
  await clock.run(200)
  expect(link.channel.state).toBe('closed')
})

it('[NET3] a link that can not look for one gets no more time', async () => {
  const { clock, link } = silentLink(false)
  await clock.run(5_900)
  expect(link.channel.state).toBe('open')
  await clock.run(200)
  expect(link.channel.state).toBe('closed')
})

it('[NET3] probes while it looks do not keep it open', async () => {
  const { clock, link } = silentLink()
  await clock.run(4_000)
  for (let i = 0; i < 4; i++) {
    link.probe(1_500)
    await clock.run(1_000)
  }
  expect(link.channel.state).toBe('closed')
})

it('[NET3] a link that hears something again may look again in its next silence', async () => {
  const { clock, link, other, restarts } = silentLink()
  await clock.run(4_000)
  other.send(NOTE)
  await clock.run(3_500)
  expect(restarts).toHaveLength(1)
  await clock.run(1_000)
  expect(restarts).toHaveLength(2)
  expect(link.channel.state).toBe('open')
  link.close('done')
})

it('[NET3] a probed link looks for a new path within its deadline', async () => {
  const { clock, link, restarts } = silentLink()
  await clock.run(1_000)
  link.probe(1_000)
  await clock.run(999)
  expect(restarts).toEqual([1_600])
  await clock.run(2)
  expect(link.channel.state).toBe('closed')
})
