import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../src/base/ids.js'
import { newPeerId } from '../../src/base/ids.js'
import { systemRuntime } from '../../src/base/system-runtime.js'
import { DecodeError } from '../../src/codec/decode.js'
import { mayCarry } from '../../src/mesh/admission.js'
import type { Attempt } from '../../src/mesh/attempt.js'
import { type ControlMessage, decodeControl, encodeControl } from '../../src/mesh/control.js'
import { Directory } from '../../src/mesh/directory.js'
import { encodeHello, judgeHello } from '../../src/mesh/handshake.js'
import { LinkedPeer } from '../../src/mesh/linked-peer.js'
import { PORTS, type PortName } from '../../src/mesh/port.js'
import { QueuedPipe } from '../../src/mesh/queued-pipe.js'
import { decodeSignal, encodeSignal, isNewerAttempt, type Signal } from '../../src/mesh/signals.js'
import type { Link } from '../../src/transport/link.js'
import { bytes, clusterId, info } from './simulated-meshes.js'

const runtime = systemRuntime()
const [a, b, c, d] = Array.from({ length: 4 }, () => newPeerId(runtime)) as [PeerId, PeerId, PeerId, PeerId]

describe('admission', () => {
  const x = clusterId('x')
  const y = clusterId('y')
  const allowed = (mine: typeof x | undefined, theirs: typeof x | undefined) =>
    (Object.keys(PORTS) as PortName[]).filter((port) => mayCarry(port, mine, theirs))

  it('[MSH20] within one cluster everything passes', () => {
    expect(allowed(x, x)).toEqual(['messages', 'documents', 'consensus', 'snapshots', 'roster'])
  })

  it('[MSH20] while one side has no cluster, consensus and snapshots do not', () => {
    for (const [mine, theirs] of [
      [x, undefined],
      [undefined, x],
      [undefined, undefined],
    ] as const) {
      expect(allowed(mine, theirs)).toEqual(['messages', 'documents', 'roster'])
    }
  })

  it('[MSH20] between two clusters only documents and rosters do', () => {
    expect(allowed(x, y)).toEqual(['documents', 'roster'])
  })
})

describe('wire', () => {
  const attempt = { boot: 0xffffffff, number: 12 }
  const payload = Uint8Array.of(0, 255)
  const signals: Signal[] = [
    { kind: 'offer', attempt, payload },
    { kind: 'answer', attempt, payload },
    { kind: 'gone', attempt },
    { kind: 'dial' },
    { kind: 'full' },
  ]
  const controls: ControlMessage[] = [
    { kind: 'hello', versions: { min: 1, max: 300 }, identity: payload },
    { kind: 'cluster', clusterId: clusterId('x') },
    { kind: 'cluster', clusterId: undefined },
    { kind: 'summary', versions: [{ peer: a, version: 2 ** 48 }] },
    { kind: 'records', records: [{ peer: a, version: 7, body: payload }] },
    { kind: 'digest', kept: [{ origin: b, boot: 0xffffffff, sequence: 9, ageMs: 700 }] },
    { kind: 'goodbye', payload },
    { kind: 'admitted' },
    { kind: 'refused', problem: 'no' },
    { kind: 'fetch', lacking: [{ origin: b, boot: 1, sequence: 9 }] },
    { kind: 'unlink' },
    { kind: 'release' },
    { kind: 'check', hash: 0xffffffff },
    { kind: 'ask', peers: [a, b] },
  ]

  it('[MSH35] every message survives the wire', () => {
    expect(signals.map((signal) => decodeSignal(encodeSignal(signal)))).toEqual(signals)
    expect(controls.map((message) => decodeControl(encodeControl(message)))).toEqual(controls)
    const identity = {
      info: { ...info(a, 'boot'), canVote: false, kind: 'browser' as const },
      clusterId: clusterId('x'),
      credential: 'a token',
      authorizes: true,
    }
    expect(judgeHello(encodeHello(identity), a)).toEqual({ accepted: true, identity })
  })

  it('[MSH35] the bytes of each kind stay as they are', () => {
    expect([...encodeSignal(signals[0]!)]).toEqual([1, 0, 255, 255, 255, 255, 15, 12, 2, 0, 255])
    expect([...encodeSignal({ kind: 'dial' })]).toEqual([1, 3])
    const firstBytes = controls.map((message) => encodeControl(message)[0])
    expect(firstBytes).toEqual([0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    expect([...encodeControl(controls[0]!)]).toEqual([0, 1, 172, 2, 2, 0, 255])
  })

  it('[MSH35] any other bytes are a DecodeError and nothing else', () => {
    const decoders = [decodeSignal, decodeControl, (frame: Uint8Array) => judgeHello(frame, a)]
    const hello = encodeHello({ info: info(a, 'boot'), clusterId: undefined })
    const mutated = fc.tuple(fc.nat(hello.length - 1), fc.nat(255)).map(([at, byte]) => hello.with(at, byte))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), mutated), (frame) => {
        for (const decode of decoders) {
          try {
            decode(frame)
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError)
          }
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('[MSH31] of one boot the larger attempt is the newer one, of another boot every one', () => {
    expect(isNewerAttempt({ boot: 1, number: 2 }, undefined)).toBe(true)
    expect(isNewerAttempt({ boot: 1, number: 2 }, { boot: 1, number: 1 })).toBe(true)
    expect(isNewerAttempt({ boot: 1, number: 2 }, { boot: 1, number: 2 })).toBe(false)
    expect(isNewerAttempt({ boot: 1, number: 1 }, { boot: 1, number: 2 })).toBe(false)
    expect(isNewerAttempt({ boot: 2, number: 1 }, { boot: 1, number: 2 })).toBe(true)
  })
})

describe('two links to one peer', () => {
  const linked = (bootNonce: string, number: number) => {
    const attempt = { id: { boot: 1, number } } as Attempt
    return new LinkedPeer(attempt, {} as Link, { info: info(a, bootNonce), clusterId: undefined }, 0)
  }

  it('[MSH10] of two boots the one that greeted last survives', () => {
    expect(linked('new', 1).supersedes(linked('old', 2))).toBe(true)
  })

  it('[MSH10] of one boot the newer attempt survives, whichever greeted last', () => {
    expect(linked('same', 2).supersedes(linked('same', 1))).toBe(true)
    expect(linked('same', 1).supersedes(linked('same', 2))).toBe(false)
  })
})

describe('directory', () => {
  it('[MSH9] knows the room and whom ways lead to, each peer once and never itself', () => {
    const near = new Set([a, b, c])
    const directory = new Directory(
      () => a,
      () => near,
    )
    directory.replaceRoom([a, b])
    directory.addToRoom(d)
    expect([...directory.known()].sort()).toEqual([b, c, d].sort())
    near.delete(c)
    directory.changed()
    directory.removeFromRoom(d)
    expect([...directory.known()]).toEqual([b])
  })
})

describe('signal pipe', () => {
  it('[MSH36] keeps early signals in order, and not without end', () => {
    const pipe = new QueuedPipe(() => {})
    for (let i = 0; i < 1_000; i++) pipe.deliver(bytes(String(i)))
    const received: string[] = []
    pipe.receive((payload) => received.push(new TextDecoder().decode(payload)))
    expect(received).toEqual(Array.from({ length: 64 }, (_, i) => String(i)))
    pipe.deliver(bytes('late'))
    expect(received.at(-1)).toBe('late')
  })
})
