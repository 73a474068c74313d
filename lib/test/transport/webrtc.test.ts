import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { beforeAll, describe, expect, it } from 'vitest'
import { LegionError } from '../../src/base/errors.js'
import type { PeerId } from '../../src/base/ids.js'
import { systemRuntime } from '../../src/base/system-runtime.js'
import { findWebRtc, NODE_WEBRTC_PACKAGES, type NodeWebRtcPackage } from '../../src/node/webrtc.js'
import type { Connector } from '../../src/transport/channel.js'
import { browserStack, webrtcConnector } from '../../src/transport/webrtc-connector.js'
import { closed, dial, nodeConnector, opened, openPair, signalPipes } from './pairs.js'

const PAIRS: readonly (readonly [NodeWebRtcPackage, NodeWebRtcPackage])[] = NODE_WEBRTC_PACKAGES.flatMap((offerer) =>
  NODE_WEBRTC_PACKAGES.map((answerer) => [offerer, answerer] as const),
)
/** More than 8 between two of @roamhq/wrtc in one process may stall for half a minute, without this library too. */
const dialsAtOnce = (pair: readonly string[]) => (pair.every((name) => name === '@roamhq/wrtc') ? 8 : 20)
/** node-datachannel may lose one DTLS hello and repeat it after a second; machines may be busy. */
const PATIENCE_MS = 60_000

/** Where the program is bundled to: a place from which packages are found and which nothing publishes. */
const PROGRAM_FOLDER = fileURLToPath(new URL('../../../node_modules/.legion-test/', import.meta.url))
const PROGRAM = `${PROGRAM_FOLDER}exit-program.js`

beforeAll(async () => {
  const entry = fileURLToPath(new URL('exit-program.ts', import.meta.url))
  await build({
    configFile: false,
    logLevel: 'error',
    build: { ssr: entry, outDir: PROGRAM_FOLDER, emptyOutDir: true },
  })
}, PATIENCE_MS)

const text = (payload: Uint8Array) => new TextDecoder().decode(payload)
const bytes = (content: string) => new TextEncoder().encode(content)

describe.each(PAIRS)('%s offers to %s', (offerer, answerer) => {
  it('[CON10] many dials at once all open', { timeout: PATIENCE_MS }, async () => {
    const connectors = [await nodeConnector(offerer), await nodeConnector(answerer)] as const
    const pairs = Array.from({ length: dialsAtOnce([offerer, answerer]) }, () => dial(...connectors))
    await Promise.all(pairs.flatMap(({ a, b }) => [opened(a), opened(b)]))
    for (const { a } of pairs) a.close()
    await Promise.all(pairs.map(({ b }) => closed(b)))
  })

  it('[CON11] signals may come in any order', { timeout: PATIENCE_MS }, async () => {
    const pipes = signalPipes((signals) => signals.reverse())
    const { a, b } = await openPair(await nodeConnector(offerer), await nodeConnector(answerer), pipes)
    a.close()
    await closed(b)
  })

  it('[CON12] the process ends by itself after connects and closes', { timeout: PATIENCE_MS }, async () => {
    expect(await runProgram(offerer, answerer, 'once')).toEqual({ code: 0, output: 'exchanged 1\n', ended: true })
  })

  it('[CON12] … also after 100 of them in a row', { timeout: 2 * PATIENCE_MS }, async () => {
    expect(await runProgram(offerer, answerer, 'hundred')).toEqual({ code: 0, output: 'exchanged 100\n', ended: true })
  })

  it('[CON12] … also when a dial was given up before it opened', { timeout: PATIENCE_MS }, async () => {
    expect(await runProgram(offerer, answerer, 'abandoned')).toEqual({ code: 0, output: 'exchanged 0\n', ended: true })
  })
})

it('[CON28] a message that WebRTC refuses closes the channel, after the call', { timeout: PATIENCE_MS }, async () => {
  const connector = await nodeConnector('node-datachannel')
  const { a, b } = await openPair(connector, connector)
  const reason = new Promise<string>((resolve) => a.on('close', resolve))
  a.send(new Uint8Array(16 * 1024 * 1024)) // larger than any says that it takes
  expect(a.state).toBe('open')
  expect(await reason).toContain('sending failed')
  await closed(b)
})

describe.each(NODE_WEBRTC_PACKAGES)('%s', (name) => {
  it('[CON13] signals that are none, or not expected, are ignored', { timeout: PATIENCE_MS }, async () => {
    const nonsense = [
      '',
      '{',
      'null',
      '[]',
      '{"type":"offer"}',
      '{"type":"renegotiate","renegotiate":true}',
      '{"type":"transceiverRequest","transceiverRequest":{"kind":"video"}}',
      '{"type":"candidate","candidate":5}',
      '{"type":"candidate","candidate":"x","sdpMid":{}}',
      `{"type":"answer","sdp":"${'x'.repeat(100_000)}"}`,
    ].map(bytes)
    const pipes = signalPipes((signals) => [...nonsense, Uint8Array.of(255, 254), ...signals, ...nonsense])
    const connector = await nodeConnector(name)
    const { a, b } = await openPair(connector, connector, pipes)
    a.close()
    await closed(b)
  })

  it('[CON14] an offer that is not SDP closes the channel with a reason', { timeout: PATIENCE_MS }, async () => {
    const connector = await nodeConnector(name)
    const pipes = signalPipes()
    const answerer = connector.connect('a' as PeerId, false, pipes[1], { iceServers: [] })
    const reason = new Promise<string>((resolve) => answerer.on('close', resolve))
    pipes[0].send(bytes('{"type":"offer","sdp":"this is none"}'))
    expect((await reason).length).toBeGreaterThan(0)
    expect(answerer.state).toBe('closed')
  })

  it('[CON15] close before open is silent towards the other side and final', { timeout: PATIENCE_MS }, async () => {
    const connector = await nodeConnector(name)
    const { a, b } = dial(connector, connector)
    let openCount = 0
    a.on('open', () => openCount++)
    const reason = new Promise<string>((resolve) => a.on('close', resolve))
    a.close('changed my mind')
    expect(await reason).toBe('changed my mind')
    b.close()
    await new Promise((resolve) => setImmediate(resolve))
    expect(openCount).toBe(0)
  })

  it('[CON16] finds the implementation by name and says its stack', async () => {
    const { stack, wrtc } = await findWebRtc(name)
    expect(stack).toBe(name === '@roamhq/wrtc' ? 'roamhq' : name)
    expect(typeof wrtc.RTCPeerConnection).toBe('function')
  })

  it('[CON17] ICE servers with any user and password are taken', { timeout: PATIENCE_MS }, async () => {
    const connector = await nodeConnector(name)
    const iceServers = [{ urls: ['turn:127.0.0.1:9'], username: '1700:a@b/c', credential: 'p:w/@+=' }]
    const pipes = signalPipes()
    const channel = connector.connect('b' as PeerId, true, pipes[0], { iceServers })
    const outcome = await new Promise<string>((resolve) => {
      channel.on('close', resolve)
      pipes[1].receive((payload) => resolve((JSON.parse(text(payload)) as { type: string }).type))
    })
    expect(outcome).toMatch(/^(offer|candidate)$/)
    channel.close()
  })
})

it('[CON16] takes the faster implementation if it may choose', async () => {
  expect((await findWebRtc()).stack).toBe('node-datachannel')
})

it('[CON16] without any implementation it says what to install', async () => {
  const connector = webrtcConnector({ runtime: systemRuntime(), stack: 'none' })
  const channel = connector.connect('b' as PeerId, true, signalPipes()[0], { iceServers: [] })
  const reason = await new Promise<string>((resolve) => channel.on('close', resolve))
  expect(reason).toMatch(/^WebRTC is not available: /)
  const missing = findWebRtc('wrtc' as NodeWebRtcPackage)
  await expect(missing).rejects.toSatisfy((error) => LegionError.is(error) && error.code === 'E_UNSUPPORTED')
})

it('[CON18] an offerer of node-datachannel tells its candidates only after the answer', {
  timeout: PATIENCE_MS,
}, async () => {
  const connector: Connector = await nodeConnector('node-datachannel')
  const pipes = signalPipes()
  const send = pipes[1].send.bind(pipes[1])
  let saidBeforeAnswer: number | undefined
  pipes[1].send = (payload) => {
    saidBeforeAnswer ??= pipes[0].sent.length
    send(payload)
  }
  const { a, b } = await openPair(connector, connector, pipes)
  const kinds = pipes[0].sent.map((payload) => JSON.parse(text(payload)) as { type: string; sdp?: string })
  expect(kinds[0]?.type).toBe('offer')
  expect(saidBeforeAnswer).toBe(1)
  expect(kinds.slice(1).every(({ type }) => type === 'candidate')).toBe(true)
  a.close()
  await closed(b)
})

it('[CON26] connections of @roamhq/wrtc tell descriptions as they were set', { timeout: PATIENCE_MS }, async () => {
  const { wrtc } = await findWebRtc('@roamhq/wrtc')
  const Connection = wrtc.RTCPeerConnection as typeof RTCPeerConnection
  const offerer = new Connection()
  const answerer = new Connection()
  const candidates: RTCIceCandidate[] = []
  const gathered = new Promise<void>((resolve) => {
    offerer.onicecandidate = ({ candidate }) => (candidate?.candidate ? candidates.push(candidate) : resolve())
  })
  expect([offerer.localDescription, answerer.remoteDescription]).toEqual([null, null])
  offerer.createDataChannel('any')
  const offer = await offerer.createOffer()
  await offerer.setLocalDescription(offer)
  await answerer.setRemoteDescription(offer)
  await gathered
  await Promise.all(candidates.map((candidate) => answerer.addIceCandidate(candidate)))
  expect(candidates.length).toBeGreaterThan(0)
  expect(offerer.localDescription?.sdp).toBe(offer.sdp)
  expect(answerer.remoteDescription?.sdp).toBe(offer.sdp)
  offerer.close()
  answerer.close()
})

it('[CON19] tells browsers apart by their user agent', () => {
  const chromium =
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36'
  const safari = 'Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15'
  const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'
  expect([chromium, safari, firefox].map(browserStack)).toEqual(['chromium', 'safari', 'firefox'])
})

/** Runs `exit-program.ts` in a process of its own; `ended` is false if it had to be killed. */
function runProgram(offerer: string, answerer: string, what: string) {
  return new Promise<{ code: number | null; output: string; ended: boolean }>((resolve) => {
    const child = spawn(process.execPath, [PROGRAM, offerer, answerer, what], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    let ended = true
    const killer = setTimeout(() => {
      ended = false
      child.kill('SIGKILL')
    }, PATIENCE_MS)
    child.stdout.on('data', (chunk) => {
      output += String(chunk)
    })
    child.on('close', (code) => {
      clearTimeout(killer)
      resolve({ code, output, ended })
    })
  })
}
