import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseServerMessage } from '../../src/signaling/messages.js'
import { cluster, peer, welcome } from './harness.js'

const parse = (message: unknown) => parseServerMessage(JSON.stringify(message))

describe('parseServerMessage', () => {
  it('[SGC10] reads every message of the protocol', () => {
    expect(parse(welcome({ peers: [peer('a')], clusterId: cluster('x') }))).toMatchObject({ peers: [peer('a')] })
    expect(parse({ type: 'founded', clusterId: cluster('x') })).toEqual({ type: 'founded', clusterId: cluster('x') })
    expect(parse({ type: 'peer-joined', peer: peer('a') })).toEqual({ type: 'peer-joined', peer: peer('a') })
    expect(parse({ type: 'peer-left', peer: peer('a') })).toEqual({ type: 'peer-left', peer: peer('a') })
    expect(parse({ type: 'error', code: 'version' })).toEqual({ type: 'error', code: 'version' })
    expect(parse({ type: 'pong', more: 1 })).toEqual({ type: 'pong' })
    expect(parse({ type: 'signal', from: peer('a'), payload: 'AQI' })).toEqual({
      type: 'signal',
      from: peer('a'),
      payload: new Uint8Array([1, 2]),
    })
  })

  it.each([
    ['no peers', { ...welcome(), peers: undefined }],
    ['a peer that is no id', welcome({ peers: [peer('a'), 'b'] })],
    ['too many peers', welcome({ peers: Array(5000).fill(peer('a')) })],
    ['a cluster that is no id', welcome({ clusterId: 'x' })],
    ['ICE servers that are no list', welcome({ iceServers: {} })],
    ['an ICE URL that RTCPeerConnection would throw on', welcome({ iceServers: [{ urls: 'http://example.org' }] })],
    ['too many ICE servers', welcome({ iceServers: Array(33).fill({ urls: 'stun:a' }) })],
    ['a payload that is not base64url', { type: 'signal', from: peer('a'), payload: 'a+b' }],
    ['an unknown type', { type: 'constructor' }],
    ['an error without code', { type: 'error' }],
    ['null', null],
  ])('[SGC10] refuses %s', (_what, message) => {
    expect(parse(message)).toBeUndefined()
  })

  it('[SGC10] refuses a frame that is too large before reading it', () => {
    expect(parseServerMessage(`{"type":"pong"}${' '.repeat(1024 * 1024)}`)).toBeUndefined()
  })

  it('[SGC10] never throws', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseServerMessage(text)))
  })
})
