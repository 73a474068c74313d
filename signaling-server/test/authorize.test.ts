import {
  type AuthorizationRequest,
  type Authorize,
  createSignalingServer,
  type SignalingServer,
} from 'legion-signaling'
import { afterEach, describe, expect, it } from 'vitest'
import { SimulatedClock } from '../../lib/src/testing/simulated-runtime.js'
import { helloOf, idOf, roomOf } from './fake-client.js'
import { RawClient } from './raw-client.js'

describe('authorize', () => {
  const clock = new SimulatedClock()
  const logged: [string, string, unknown][] = []
  let server: SignalingServer

  afterEach(async () => {
    logged.length = 0
    await server.close()
  })

  async function open(authorize: Authorize): Promise<RawClient> {
    server = createSignalingServer({
      authorize,
      clock: clock.fork(1),
      limits: { authorizeMs: 1000 },
      log: (level, event, fields) => logged.push([level, event, fields?.['reason']]),
    })
    await server.listen(0, '127.0.0.1')
    return RawClient.open(`${server.url}/path?ticket=7`, {
      origin: 'https://example.org',
      headers: { 'x-seat': '12A' },
    })
  }

  async function isRefused(client: RawClient): Promise<void> {
    expect(await client.next()).toEqual({ type: 'error', code: 'unauthorized' })
    expect(await client.closed).toBe(1008)
  }

  it('[SIG27] is told who asks to enter what, by which means', async () => {
    const requests: AuthorizationRequest[] = []
    const client = await open((request) => {
      requests.push(request)
      return {}
    })
    client.send({ ...helloOf('a'), credential: 'secret word' })
    expect(await client.next()).toMatchObject({ type: 'welcome' })
    expect(requests).toEqual([
      {
        address: '127.0.0.1',
        origin: 'https://example.org',
        url: '/path?ticket=7',
        headers: expect.objectContaining({ 'x-seat': '12A' }),
        room: roomOf('room'),
        peer: idOf('a'),
        credential: 'secret word',
      },
    ])
  })

  it('[SIG27] lets in with ICE servers for that peer alone', async () => {
    const client = await open(async () => ({ iceServers: [{ urls: 'stun:for.you' }] }))
    client.send(helloOf('a'))
    expect(await client.next()).toMatchObject({ type: 'welcome', iceServers: [{ urls: 'stun:for.you' }] })
  })

  it('[SIG27] refuses, and says why to the log alone', async () => {
    const client = await open(() => ({ refused: 'not on the list' }))
    client.send(helloOf('a'))
    await isRefused(client)
    expect(logged).toContainEqual(['info', 'unauthorized', 'not on the list'])
  })

  it.each([
    ['throws', () => fail()],
    ['rejects', async () => fail()],
    ['answers nonsense', () => undefined as never],
  ])('[SIG27] that %s refuses, and is logged as an error', async (_what, authorize) => {
    const client = await open(authorize)
    client.send(helloOf('a'))
    await isRefused(client)
    expect(logged.find(([, event]) => event === 'authorize-failed')?.[0]).toBe('error')
  })

  it('[SIG27] that does not answer in time refuses; what it says later counts no more', async () => {
    let answer: () => void = () => {}
    const client = await open(() => new Promise((resolve) => (answer = () => resolve({}))))
    client.send(helloOf('a'))
    await client.roundTrip()
    await clock.run(1000)
    await isRefused(client)
    answer()
    expect(logged).toContainEqual(['error', 'authorize-failed', 'no answer within 1000 ms'])
  })

  it('[SIG27] is asked once: a second hello meanwhile, or afterwards, is out of place', async () => {
    let answer: () => void = () => {}
    const client = await open(() => new Promise((resolve) => (answer = () => resolve({}))))
    client.send(helloOf('a'))
    client.send(helloOf('b'))
    expect(await client.next()).toEqual({ type: 'error', code: 'already-joined' })
    answer()
    expect(await client.next()).toMatchObject({ type: 'welcome' })
    client.send(helloOf('c'))
    expect(await client.next()).toEqual({ type: 'error', code: 'already-joined' })
  })
})

function fail(): never {
  throw new Error('out of order')
}
