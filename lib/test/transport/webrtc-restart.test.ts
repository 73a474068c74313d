import { describe, expect, it } from 'vitest'
import type { NodeWebRtcPackage } from '../../src/node/webrtc.js'
import { CandidateTally } from '../../src/transport/candidate-tally.js'
import type { Channel } from '../../src/transport/channel.js'
import { restartingSide } from '../../src/transport/webrtc-quirks.js'
import { closed, nodeConnector, openPair, signalPipes } from './pairs.js'

const PATIENCE_MS = 60_000

type Signal = { type: string; sdp?: string; candidate?: string }

const parse = (payload: Uint8Array) => JSON.parse(new TextDecoder().decode(payload)) as Signal
const bytes = (content: string) => new TextEncoder().encode(content)

async function pairOf(offerer: NodeWebRtcPackage, answerer: NodeWebRtcPackage) {
  const pipes = signalPipes()
  return { pipes, ...(await openPair(await nodeConnector(offerer), await nodeConnector(answerer), pipes)) }
}

function message(channel: Channel): Promise<string> {
  return new Promise((resolve) => channel.on('message', (payload) => resolve(new TextDecoder().decode(payload))))
}

/** ICE passwords of one side's descriptions, in order: every restart draws another one. */
const passwords = (sent: readonly Uint8Array[]) =>
  sent.flatMap((payload) => /a=ice-pwd:(\S+)/.exec(parse(payload).sdp ?? '')?.[1] ?? [])

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10))
}

describe('restarting ICE', () => {
  it.each(['offerer', 'answerer'] as const)(
    '[CON20] the %s finds a new path, the channel stays open',
    { timeout: PATIENCE_MS },
    async (side) => {
      const { a, b, pipes } = await pairOf('@roamhq/wrtc', '@roamhq/wrtc')
      const [asking, other] = side === 'offerer' ? [a, b] : [b, a]
      expect(asking.restart?.()).toBe(true)
      await until(() => pipes.every(({ sent }) => new Set(passwords(sent)).size === 2))
      const arrives = message(other)
      asking.send(bytes('still here'))
      expect(await arrives).toBe('still here')
      const arrivesBack = message(asking)
      other.send(bytes('me too'))
      expect(await arrivesBack).toBe('me too')
      a.close()
      await closed(b)
    },
  )

  it.each([
    ['node-datachannel', '@roamhq/wrtc'],
    ['@roamhq/wrtc', 'node-datachannel'],
    ['node-datachannel', 'node-datachannel'],
  ] as const)('[CON21] %s and %s can not, and say so', { timeout: PATIENCE_MS }, async (offerer, answerer) => {
    const { a, b, pipes } = await pairOf(offerer, answerer)
    const sent = pipes.map((pipe) => pipe.sent.length)
    expect([a.restart?.(), b.restart?.()]).toEqual([false, false])
    pipes[1].send(bytes('{"type":"restart"}'))
    const arrives = message(b)
    a.send(bytes('nothing happened'))
    expect(await arrives).toBe('nothing happened')
    expect(pipes[0].sent).toHaveLength(sent[0] ?? 0)
    a.close()
    await closed(b)
  })

  it('[CON21] only the side that can is asked to offer it', () => {
    expect(restartingSide('chromium', 'chromium')).toBe('offerer')
    expect(restartingSide('chromium', 'roamhq')).toBe('offerer')
    expect(restartingSide('firefox', 'chromium')).toBe('offerer')
    expect(restartingSide('chromium', 'firefox')).toBe('answerer')
    expect(restartingSide('safari', 'chromium')).toBeUndefined()
    expect(restartingSide('chromium', undefined)).toBeUndefined()
  })

  it('[CON20] offers and answers that nobody asked for are ignored', { timeout: PATIENCE_MS }, async () => {
    const { a, b, pipes } = await pairOf('@roamhq/wrtc', '@roamhq/wrtc')
    const [offer] = pipes[0].sent.map((payload) => new TextDecoder().decode(payload))
    pipes[1].send(bytes(offer ?? '')) // The answerer is not the side that restarts.
    pipes[0].send(bytes((offer ?? '').replace('"offer"', '"answer"')))
    const arrives = message(b)
    a.send(bytes('unmoved'))
    expect(await arrives).toBe('unmoved')
    a.close()
    await closed(b)
  })
})

it('[CON22] what was dialled without any relay is told from the candidates of both sides', () => {
  const host = 'candidate:1 1 udp 1 10.0.0.1 5 typ host'
  const tally = new CandidateTally()
  expect(tally.lacksRelay).toBe(false)
  tally.own(host)
  expect(tally.lacksRelay).toBe(false)
  tally.others(`v=0\r\na=${host}\r\n`)
  expect(tally.lacksRelay).toBe(true)
  tally.others('candidate:2 1 udp 1 192.0.2.1 5 typ relay raddr 0.0.0.0 rport 0')
  expect(tally.lacksRelay).toBe(false)
})
