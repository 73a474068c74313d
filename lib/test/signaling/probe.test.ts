import { describe, expect, it } from 'vitest'
import { ClientBench } from './harness.js'

function joinedBench(): ClientBench {
  const bench = new ClientBench()
  bench.join()
  bench.welcome()
  bench.socket.take()
  return bench
}

describe('a network that may have changed', () => {
  it('[NET6] a connection that answers stays', async () => {
    const bench = joinedBench()
    bench.client.probe()
    expect(bench.socket.take()).toEqual([{ type: 'ping' }])
    await bench.clock.run(1_000)
    bench.socket.say({ type: 'pong' })
    await bench.clock.run(5_000)
    expect(bench.client.status).toBe('joined')
    expect(bench.sockets).toHaveLength(1)
  })

  it('[NET6] a connection that does not answer within 2 s is replaced', async () => {
    const bench = joinedBench()
    await bench.clock.run(3_000)
    bench.client.probe()
    await bench.clock.run(1_900)
    expect(bench.client.status).toBe('joined')
    await bench.clock.run(200)
    expect(bench.client.status).toBe('offline')
    await bench.clock.run(400)
    expect(bench.sockets).toHaveLength(2)
  })

  it('[NET6] the next attempt comes at once, not after its pause; only one', async () => {
    const bench = joinedBench()
    bench.socket.drop()
    bench.client.probe()
    bench.client.probe()
    expect(bench.sockets).toHaveLength(2)
    await bench.clock.run(4_000)
    expect(bench.sockets).toHaveLength(2)
  })

  it('[NET6] an attempt that is not accepted within 5 s makes way for the next one at once', async () => {
    const bench = new ClientBench()
    bench.join()
    for (let attempts = 1; attempts <= 5; attempts++) {
      expect(bench.sockets).toHaveLength(attempts)
      await bench.clock.run(5_200)
    }
  })

  it('[NET6] who has left stays away', async () => {
    const bench = joinedBench()
    bench.socket.drop()
    await bench.client.leave()
    bench.client.probe()
    await bench.clock.run(10_000)
    expect(bench.sockets).toHaveLength(1)
  })
})
