import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createSignalingServer, type SignalingServer } from 'legion-signaling'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { helloOf } from './fake-client.js'
import { RawClient } from './raw-client.js'

/** Few enough to stay within the burst that the limits allow. */
const ROUNDS = 200
const FACTOR = 3
/** Below this a round trip is as good as none, and a factor means nothing. */
const FLOOR_MS = 1

/** Sends as fast as its socket takes it, and comes back when it is closed. Says so once it has begun. */
const FLOODER = `
  import { WebSocket } from 'ws'
  const [url, frame] = process.argv.slice(1)
  function flood() {
    const socket = new WebSocket(url)
    const send = () => {
      if (socket.readyState !== socket.OPEN) return
      for (let i = 0; i < 50 && socket.bufferedAmount < 1_000_000; i++) socket.send(frame)
      setImmediate(send)
    }
    socket.on('open', send)
    socket.on('open', () => console.log('open'))
    socket.on('error', () => {})
    socket.on('close', flood)
  }
  flood()
`

const FLOODS = {
  pings: JSON.stringify({ type: 'ping' }),
  nonsense: '{"type":"nonsense"}',
  'frames as large as may be': JSON.stringify({ type: 'signal', to: '', payload: 'A'.repeat(60_000) }),
}

describe('a client that floods', { timeout: 60_000 }, () => {
  let server: SignalingServer

  beforeEach(async () => {
    server = createSignalingServer()
    await server.listen(0, '127.0.0.1')
  })

  afterEach(() => server.close())

  async function medianRoundTripMs(): Promise<number> {
    const client = await RawClient.open(String(server.url))
    client.send(helloOf('bystander'))
    const tookMs: number[] = []
    for (let i = 0; i < ROUNDS; i++) {
      const startMs = performance.now()
      await client.roundTrip()
      tookMs.push(performance.now() - startMs)
    }
    client.socket.terminate()
    return tookMs.sort((a, b) => a - b)[ROUNDS / 2] ?? 0
  }

  it.each(Object.entries(FLOODS))('[SIG33] with %s does not slow the others', async (_what, frame) => {
    const quietMs = await medianRoundTripMs()
    const args = ['--input-type=module', '-e', FLOODER, String(server.url), frame]
    const flooder = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(flooder.stdout, 'data')
    flooder.stdout.resume()
    const floodedMs = await medianRoundTripMs()
    const ended = once(flooder, 'exit')
    flooder.kill('SIGKILL')
    await ended
    expect(floodedMs).toBeLessThan(FACTOR * Math.max(quietMs, FLOOR_MS))
  })
})
