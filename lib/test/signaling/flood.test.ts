import { describe, expect, it } from 'vitest'
import { newPeerId } from '../../src/base/ids.js'
import { silentLogger } from '../../src/base/logger.js'
import { SealedEnvelope } from '../../src/signaling/sealed-envelope.js'
import { deriveRoomSecrets } from '../../src/signaling/sealing.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import { bytes, ClientBench, peer, SLOWLY } from './harness.js'

const runtime = new SimulatedClock().fork(33)

describe('a server that floods', { timeout: 30_000 }, () => {
  it('[SGC33] is believed 4,096 peers and no more, whose leaving makes room again', () => {
    const bench = new ClientBench()
    bench.join()
    bench.welcome()
    const strangers = Array.from({ length: 5_000 }, () => newPeerId(runtime))
    for (const stranger of strangers) bench.socket.say({ type: 'peer-joined', peer: stranger })
    expect(bench.events.presence).toHaveLength(4_096)
    expect(bench.client.send(strangers[4_999] ?? peer('x'), bytes('hello'))).toBe(false)
    bench.socket.say({ type: 'peer-left', peer: strangers[0] })
    bench.socket.say({ type: 'peer-joined', peer: strangers[4_999] })
    expect(bench.client.send(strangers[4_999] ?? peer('x'), bytes('hello'))).toBe(true)
  })

  it('[SGC15] of many peers finds a bound in all, which what was opened leaves again', async () => {
    const { subtle } = globalThis.crypto
    const secrets = await deriveRoomSecrets('theatre', 'open sesame', subtle)
    const envelope = new SealedEnvelope(
      { secrets, subtle, runtime, logger: silentLogger },
      { self: peer('me'), transmit: () => {}, deliver: () => {} },
    )
    const strangers = Array.from({ length: 100 }, () => newPeerId(runtime))
    envelope.joined(strangers)
    for (let i = 0; i < 50; i++) for (const stranger of strangers) envelope.receive(stranger, new Uint8Array(40))
    expect(envelope.droppedCount).toBe(5_000 - 4_096)
    await expect.poll(() => envelope.droppedCount, SLOWLY).toBe(5_000) // for it is nonsense
    envelope.receive(strangers[0] ?? peer('x'), new Uint8Array(40))
    await expect.poll(() => envelope.droppedCount, SLOWLY).toBe(5_001)
    expect(envelope.droppedCount).toBe(5_001)
  })

  it('[SGC33] makes a peer greet nobody unasked in a large room', async () => {
    const { subtle } = globalThis.crypto
    const secrets = await deriveRoomSecrets('theatre', 'open sesame', subtle)
    const greeted: string[] = []
    const self = peer('~~~') // above all others, which greets
    const envelope = new SealedEnvelope(
      { secrets, subtle, runtime, logger: silentLogger },
      { self, transmit: (to) => greeted.push(to), deliver: () => {} },
    )
    envelope.joined(Array.from({ length: 1_000 }, () => newPeerId(runtime)))
    await expect.poll(() => greeted.length, SLOWLY).toBeGreaterThan(20)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(greeted.length).toBeLessThanOrEqual(64)
  })
})
