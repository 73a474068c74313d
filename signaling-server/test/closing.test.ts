import { once } from 'node:events'
import { createServer } from 'node:http'
import { createSignalingServer, jsonLog } from 'legion-signaling'
import { describe, expect, it } from 'vitest'
import { SimulatedClock } from '../../lib/src/testing/simulated-runtime.js'
import { helloOf } from './fake-client.js'
import { RawClient } from './raw-client.js'

describe('a server that is closed', () => {
  it('[SIG29] lets its sockets go one after the other, and takes no new ones', async () => {
    const clock = new SimulatedClock()
    const server = createSignalingServer({ clock: clock.fork(1) })
    await server.listen(0, '127.0.0.1')
    const url = String(server.url)
    const closedAt: number[] = []
    const clients = await Promise.all(Array.from({ length: 5 }, () => RawClient.open(url)))
    for (const client of clients) void client.closed.then(() => closedAt.push(clock.nowMs))
    const closed = server.close({ drainMs: 20 })
    await expect(RawClient.open(url)).rejects.toThrow()
    for (let i = 1; i <= 5; i++) {
      await expect.poll(() => closedAt.length).toBe(i)
      await clock.run(4)
    }
    await closed
    expect(closedAt).toEqual([0, 4, 8, 12, 16])
    expect(await Promise.all(clients.map((client) => client.closed))).toEqual([1001, 1001, 1001, 1001, 1001])
  })

  it('[SIG29] says so at an http server that goes on', async () => {
    const clock = new SimulatedClock()
    const server = createSignalingServer({ clock: clock.fork(1) })
    const http = createServer((request, response) => void server.handle(request, response))
    server.attach(http)
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    const url = String(server.url)
    const clients = [await RawClient.open(url), await RawClient.open(url)]
    const closed = server.close({ drainMs: 10 })
    await expect(RawClient.open(url)).rejects.toThrow('503')
    expect((await fetch(`${url.replace('ws', 'http')}/healthz`)).status).toBe(503)
    await clock.run(10)
    await closed
    expect(await Promise.all(clients.map((client) => client.closed))).toEqual([1001, 1001])
    http.close()
  })

  it('[SIG29] does not wait for sockets that go by themselves', async () => {
    const server = createSignalingServer()
    await server.listen(0, '127.0.0.1')
    const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.open(String(server.url))))
    const closed = server.close({ drainMs: 100 })
    for (const client of clients) client.socket.terminate()
    await closed
  })
})

describe('the log', () => {
  it('[SIG30] has one line of JSON per event of its level or above, and nothing that peers say', async () => {
    const lines: string[] = []
    const log = jsonLog(
      'debug',
      (line) => lines.push(line),
      () => new Date(0),
    )
    const server = createSignalingServer({ log, origins: ['https://example.org'] })
    await server.listen(0, '127.0.0.1')
    const client = await RawClient.open(String(server.url))
    client.send({ ...helloOf('a'), credential: 'secret word' })
    await client.roundTrip()
    await expect(RawClient.open(String(server.url), { origin: 'https://evil.example' })).rejects.toThrow('403')
    await server.close()
    const events = lines.map((line) => JSON.parse(line))
    expect(events.map(({ level, event }) => `${level} ${event}`)).toEqual([
      'info listening',
      'debug hello',
      'info refused',
      'info closing',
    ])
    expect(events[2]).toEqual({
      time: '1970-01-01T00:00:00.000Z',
      level: 'info',
      event: 'refused',
      address: '127.0.0.1',
      reason: 'origin',
    })
    expect(lines.join('')).not.toContain('secret')
    for (const line of lines) expect(line.endsWith('}\n')).toBe(true)
  })

  it('[SIG30] leaves out what is less important than its level', () => {
    const lines: string[] = []
    const log = jsonLog('warn', (line) => lines.push(line))
    for (const level of ['debug', 'info', 'warn', 'error'] as const) log(level, 'something')
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(['warn', 'error'])
  })
})
