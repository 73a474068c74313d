import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSignalingServer, type IceServer, type ServerMessage, turnCredentials } from 'legion-signaling'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { SimulatedClock } from '../../lib/src/testing/simulated-runtime.js'
import { helloOf } from './fake-client.js'
import { freeUdpPort } from './free-port.js'
import { RawClient } from './raw-client.js'
import { allocate } from './turn-client.js'

const SECRET = 'north'

describe('TURN credentials', () => {
  it('[SIG28] are the expiry and the name, and their HMAC', () => {
    const credentials = turnCredentials({ urls: 'turn:localhost:3478', secret: SECRET, ttlSeconds: 10 }, 'ann', 1500)
    // printf 11:ann | openssl dgst -sha1 -hmac north -binary | base64
    expect(credentials).toEqual({
      urls: 'turn:localhost:3478',
      username: '11:ann',
      credential: '8jDS1715IsBWTLIL9qT3YsPPg/8=',
    })
  })

  it('[SIG28] are made for each hello, and renewed before they end', async () => {
    const clock = new SimulatedClock()
    const server = createSignalingServer({
      clock: clock.fork(1),
      turn: { urls: ['turn:localhost:3478'], secret: SECRET, ttlSeconds: 20 },
      authorize: () => ({ name: 'ann', iceServers: [{ urls: 'stun:for.ann' }] }),
      iceServers: [{ urls: 'stun:for.all' }],
    })
    await server.listen(0, '127.0.0.1')
    const client = await RawClient.open(String(server.url))
    client.send(helloOf('a'))
    const welcome = await client.next()
    await clock.run(10_000)
    const renewed = await client.next()
    expect([welcome.type, renewed.type]).toEqual(['welcome', 'ice'])
    for (const message of [welcome, renewed]) {
      expect(iceServersOf(message)).toEqual([
        { urls: 'stun:for.all' },
        { urls: 'stun:for.ann' },
        expect.objectContaining({ urls: ['turn:localhost:3478'], username: expect.stringMatching(/^\d+:ann$/) }),
      ])
    }
    expect(expiryOf(renewed) - expiryOf(welcome)).toBe(10)
    await server.close()
  })
})

function iceServersOf(message: ServerMessage): readonly IceServer[] {
  return 'iceServers' in message ? message.iceServers : []
}

function expiryOf(message: ServerMessage): number {
  return Number.parseInt(iceServersOf(message).at(-1)?.username ?? '', 10)
}

describe.skipIf(!hasCoturn())('TURN credentials at coturn (needs turnserver)', { timeout: 30_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'legion-turn-'))
  let turn: ChildProcess
  let port = 0

  beforeAll(async () => {
    port = await freeUdpPort()
    turn = spawn('turnserver', [
      ...['-n', '--no-cli', '--no-tls', '--no-dtls', '--log-file=stdout', `--pidfile=${join(directory, 'pid')}`],
      ...['--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`, '--realm=legion.test'],
      ...[`--userdb=${join(directory, 'turndb')}`, '--use-auth-secret', `--static-auth-secret=${SECRET}`],
    ])
    turn.stdout?.resume()
    turn.stderr?.resume()
    await vi.waitFor(() => allocate(port, 'nobody', ''), { timeout: 10_000 })
  }, 20_000)

  afterAll(async () => {
    const ended = once(turn, 'exit')
    turn.kill('SIGKILL')
    await ended
    rmSync(directory, { recursive: true, force: true })
  })

  const options = { urls: 'turn:localhost', secret: SECRET, ttlSeconds: 60 }

  function allocateWith({ username = '', credential = '' }: IceServer): Promise<'allocated' | number> {
    return allocate(port, username, credential)
  }

  it('[SIG28] get an allocation', async () => {
    expect(await allocateWith(turnCredentials(options, 'ann'))).toBe('allocated')
  })

  it('[SIG28] get none with another secret, a changed name, or when they have ended', async () => {
    const { username, credential } = turnCredentials(options, 'ann')
    expect(await allocateWith(turnCredentials({ ...options, secret: 'south' }, 'ann'))).toBe(401)
    expect(await allocateWith({ urls: '', username: username?.replace('ann', 'bob'), credential })).toBe(401)
    expect(await allocateWith(turnCredentials(options, 'ann', Date.now() - 120_000))).toBe(401)
  })
})

function hasCoturn(): boolean {
  try {
    execFileSync('which', ['turnserver'])
    return true
  } catch {
    return false
  }
}
