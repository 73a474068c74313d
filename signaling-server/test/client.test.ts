import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../lib/src/base/ids.js'
import { newClusterId, newPeerId } from '../../lib/src/base/ids.js'
import { openRoomId } from '../../lib/src/signaling/sealing.js'
import { tokenFor } from '../../lib/src/signaling/token.js'
import { SimulatedClock } from '../../lib/src/testing/simulated-runtime.js'
import { cleanups, eventually, meet, newKey, runtime, serve, TestPeer } from './test-peer.js'

const CHILD = `
  import { WebSocket } from 'ws'
  const [url, hello] = process.argv.slice(1)
  const socket = new WebSocket(url)
  socket.on('open', () => socket.send(hello))
  socket.on('message', (data) => console.log(String(data)))
`

/** A process that has joined the room of `TestPeer`s. */
async function joinedProcess(url: string, id: PeerId, key: Uint8Array): Promise<ChildProcess> {
  const room = openRoomId('theatre')
  const hello = { type: 'hello', version: 1, room, peer: id, token: tokenFor(key, url, room), durable: true }
  const args = ['--input-type=module', '-e', CHILD, url, JSON.stringify(hello)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  cleanups.push(async () => void child.kill('SIGKILL'))
  const [said] = await once(child.stdout, 'data')
  expect(String(said)).toContain('welcome')
  return child
}

describe('the client and the server', { timeout: 60_000 }, () => {
  it.each([undefined, 'open sesame'])('[SGC19] let two peers meet and talk (secret: %s)', async (secret) => {
    const { url } = await serve()
    const parts = secret === undefined ? {} : { secret }
    const [a, b] = [new TestPeer([url], parts), new TestPeer([url], parts)]
    await meet(a, b)
    for (let i = 0; i < 50; i++) expect(a.say(b, `signal ${i}`)).toBe(true)
    await eventually(() => b.signals).toEqual(Array.from({ length: 50 }, (_, i) => `signal ${i}`))
    await a.rendezvous.leave()
    await eventually(() => [...b.peers]).toEqual([])
  })

  it('[SGC19] keep peers with another secret, or none, apart', async () => {
    const { url } = await serve()
    const [a, b] = [new TestPeer([url], { secret: 'one' }), new TestPeer([url], { secret: 'one' })]
    const strangers = [new TestPeer([url]), new TestPeer([url], { secret: 'two' })]
    await meet(a, b)
    for (const stranger of strangers) {
      await eventually(() => stranger.status).toBe('joined')
      expect([...stranger.peers]).toEqual([])
    }
  })

  it('[SGC19] agree on one founder', async () => {
    const { url } = await serve()
    const peers = [new TestPeer([url]), new TestPeer([url]), new TestPeer([url])]
    for (const peer of peers) peer.rendezvous.found(newClusterId(runtime))
    await eventually(() => peers.every((peer) => peer.cluster !== undefined)).toBe(true)
    expect(new Set(peers.map((peer) => peer.cluster)).size).toBe(1)
  })

  it('[SGC19] meet again after the server was restarted, in the same cluster', async () => {
    const first = await serve()
    const { url, port } = first
    const [a, b] = [new TestPeer([url]), new TestPeer([url])]
    await meet(a, b)
    const clusterId = newClusterId(runtime)
    a.rendezvous.found(clusterId)
    await eventually(() => a.cluster).toBe(clusterId)
    await first.close()
    await eventually(() => a.problem).toMatch(/lost the connection|cannot reach/)
    await serve(port, { warmupMs: 60_000 })
    await eventually(() => [a.status, b.status]).toEqual(['joined', 'joined'])
    await meet(a, b)
    const newcomer = new TestPeer([url])
    await eventually(() => newcomer.cluster).toBe(clusterId)
  })

  it('[SGC19] meet over whichever server is left', async () => {
    const [one, two] = [await serve(), await serve()]
    const [a, b] = [new TestPeer([one.url, two.url]), new TestPeer([one.url, two.url])]
    await meet(a, b)
    await one.close()
    const late = new TestPeer([one.url, two.url])
    await meet(a, b, late)
    expect(late.say(a, 'hello')).toBe(true)
    await eventually(() => a.signals).toEqual(['hello'])
  })

  it.each([
    ['SIGKILL', 'was killed'],
    ['SIGSTOP', 'hangs, so that its socket is still open at the server'],
  ] as const)('[SGC21] let a process come back at once after %s: one that %s', async (signal, _what) => {
    const { url = '' } = await serve()
    const [id, key, other] = [newPeerId(runtime), newKey(), new TestPeer([url])]
    const child = await joinedProcess(url, id, key)
    await eventually(() => other.peers.has(id)).toBe(true)
    child.kill(signal)
    if (signal === 'SIGKILL') await eventually(() => other.peers.has(id)).toBe(false)
    const back = new TestPeer([url], { id, key })
    await eventually(() => back.status).toBe('joined')
    expect(back.problems).toEqual([])
    expect(other.say(back, 'welcome back')).toBe(true)
    await eventually(() => back.signals).toEqual(['welcome back'])
  })

  it('[SGC21] keep a PeerId from others until it is free', async () => {
    const clock = new SimulatedClock()
    const { url = '' } = await serve(0, { clock: clock.fork(1) })
    const [id, key, witness] = [newPeerId(runtime), newKey(), new TestPeer([url])]
    const child = await joinedProcess(url, id, key)
    const thief = new TestPeer([url], { id })
    const refusal = `the signaling server ${url} keeps the id of this peer for another connection`
    await eventually(() => String(thief.problem)).toContain(refusal)
    child.kill('SIGKILL')
    await eventually(() => witness.peers.has(id)).toBe(false)
    await clock.run(119_000)
    const { attempts } = thief
    await eventually(() => thief.attempts).toBeGreaterThan(attempts + 1)
    expect(thief.problem).toContain(refusal)
    await clock.run(1_000)
    await eventually(() => thief.status).toBe('joined')
  })

  it('[SGC22] a durable peer that comes first after all were gone finds its cluster again', async () => {
    const { url } = await serve()
    const [id, key, clusterId] = [newPeerId(runtime), newKey(), newClusterId(runtime)]
    const before = new TestPeer([url], { id, key, durable: true })
    before.rendezvous.found(clusterId)
    await eventually(() => before.cluster).toBe(clusterId)
    await before.rendezvous.leave()
    const stranger = new TestPeer([url])
    stranger.rendezvous.found(newClusterId(runtime))
    await eventually(() => stranger.cluster).toBe(clusterId)
    const back = new TestPeer([url], { id, key, clusterId, durable: true })
    back.rendezvous.found(clusterId)
    await eventually(() => back.founded).toEqual([clusterId])
  })

  it('[SGC22] its claim wins over who wants to found meanwhile, after the server was restarted too', async () => {
    const { url } = await serve(0, { warmupMs: 60_000 })
    const stranger = new TestPeer([url])
    stranger.rendezvous.found(newClusterId(runtime))
    await eventually(() => stranger.status).toBe('joined')
    const clusterId = newClusterId(runtime)
    const back = new TestPeer([url], { clusterId, durable: true })
    back.rendezvous.found(clusterId)
    await eventually(() => [back.founded, stranger.founded]).toEqual([[clusterId], [clusterId]])
  })

  it('[SGC9] tell a peer that nobody listens', async () => {
    const server = await serve()
    const { url } = server
    await server.close()
    const peer = new TestPeer([url])
    await eventually(() => peer.problem).toMatch(/cannot reach .*: is the signaling server running\? \(.*ECONNREFUSED/)
  })
})
