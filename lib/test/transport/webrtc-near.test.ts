import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../src/base/ids.js'
import { systemRuntime } from '../../src/base/system-runtime.js'
import { sharesNetwork } from '../../src/node/interfaces.js'
import { findWebRtc, type NodeWebRtcPackage } from '../../src/node/webrtc.js'
import type { Connector } from '../../src/transport/channel.js'
import { webrtcConnector } from '../../src/transport/webrtc-connector.js'
import { arrangedOffer, isNear } from '../../src/transport/webrtc-quirks.js'
import { closed, openPair, signalPipes } from './pairs.js'

const PATIENCE_MS = 60_000
/** An overloaded machine may fail a dial, seldom: see `isNear`. Who dials again is the mesh. */
const DIALS = 5

type Signal = { type: string; sdp?: string; stack?: string }

const parse = (payload: Uint8Array) => JSON.parse(new TextDecoder().decode(payload)) as Signal

async function nearConnector(name: NodeWebRtcPackage, isOurs = true): Promise<Connector> {
  return webrtcConnector({ runtime: systemRuntime(), ...(await findWebRtc(name)), sharesNetwork: () => isOurs })
}

/** What both sides told each other until the channel was open. */
async function signalsOf(offerer: Connector, answerer: Connector, dialsLeft = DIALS): Promise<Signal[][]> {
  const pipes = signalPipes()
  const pair = await openPair(offerer, answerer, pipes).catch((error: unknown) => {
    if (dialsLeft === 1) throw error
  })
  if (pair === undefined) return signalsOf(offerer, answerer, dialsLeft - 1)
  pair.a.close()
  await closed(pair.b)
  return pipes.map(({ sent }) => sent.map(parse))
}

const descriptionOf = (signals: Signal[] = []) => signals.find(({ sdp }) => sdp !== undefined)?.sdp ?? ''

describe('node-datachannel on one network', () => {
  it('[CON25] the answerer is connected first and the server of the handshake', { timeout: PATIENCE_MS }, async () => {
    const connector = await nearConnector('node-datachannel')
    const [offers, answers] = await signalsOf(connector, connector)
    expect(descriptionOf(offers)).toContain('a=setup:actpass')
    expect(descriptionOf(answers)).toContain('a=setup:passive')
    expect(answers?.[0]?.type).toBe('answer')
  })

  it('[CON25] elsewhere, and with others, it is as ever', { timeout: PATIENCE_MS }, async () => {
    const [far, other] = await Promise.all([nearConnector('node-datachannel', false), nearConnector('@roamhq/wrtc')])
    const near = await nearConnector('node-datachannel')
    for (const [offerer, answerer] of [
      [near, far],
      [near, other],
      [other, near],
    ] as const) {
      const [, answers] = await signalsOf(offerer, answerer)
      expect(descriptionOf(answers)).toContain('a=setup:active')
    }
  })

  it('[CON25] it answers all the same where nobody replies to its checks', { timeout: PATIENCE_MS }, async () => {
    const connector = await nearConnector('node-datachannel')
    const pipes = signalPipes()
    const answerer = connector.connect('a' as PeerId, false, pipes[1], { iceServers: [] })
    const answered = new Promise<Signal>((resolve) => pipes[0].receive((payload) => resolve(parse(payload))))
    pipes[0].send(new TextEncoder().encode(JSON.stringify(offerOfNobody())))
    expect(await answered).toMatchObject({ type: 'answer' })
    answerer.close()
  })

  it('[CON25] own addresses are in a network of this machine, others and names are not', () => {
    const own = Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? [])
    expect(own.filter((address) => !sharesNetwork(address))).toEqual([])
    expect(['8.8.8.8', '2001:4860:4860::8888', 'c0ffee.local', ''].filter(sharesNetwork)).toEqual([])
  })
})

it('[CON18] candidates in an offer of node-datachannel count for an answerer that is near only', () => {
  const offer = offerOfNobody()
  expect(arrangedOffer(offer, false).sdp).not.toMatch(/candidate/)
  expect(arrangedOffer(offer, true).sdp).toMatch(/a=candidate.* 192\.0\.2\.77 /)
  expect(arrangedOffer({ ...offer, stack: 'chromium' }, false).sdp).toBe(offer.sdp)
  const addresses: string[] = []
  isNear(offer, { stack: 'node-datachannel', sharesNetwork: (address) => addresses.push(address) === 0 })
  expect(addresses).toEqual(['fd00::77', '192.0.2.77'])
})

/** As node-datachannel writes it, with addresses that belong to nobody. */
function offerOfNobody() {
  const fingerprint = Array.from({ length: 32 }, () => 'AB').join(':')
  const lines = [
    'v=0',
    'o=rtc 1 0 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    'a=msid-semantic:WMS *',
    `a=fingerprint:sha-256 ${fingerprint}`,
    'm=application 50000 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 192.0.2.77',
    'a=mid:0',
    'a=sendrecv',
    'a=sctp-port:5000',
    'a=max-message-size:262144',
    'a=setup:actpass',
    'a=ice-ufrag:abcd',
    'a=ice-pwd:abcdefghijklmnopqrstuv',
    'a=candidate:2 1 UDP 2116026111 fd00::77 50000 typ host',
    'a=candidate:1 1 UDP 2114977791 192.0.2.77 50000 typ host',
    'a=candidate:3 1 UDP 1678769919 203.0.113.9 50000 typ srflx raddr 0.0.0.0 rport 0',
    'a=end-of-candidates',
  ]
  return { type: 'offer', sdp: `${lines.join('\r\n')}\r\n`, stack: 'node-datachannel' } as const
}
