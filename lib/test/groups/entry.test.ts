import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equalBytes } from '../../src/base/bytes.js'
import type { PeerId } from '../../src/base/ids.js'
import { viewOf } from '../../src/codec/byte-pool.js'
import { DecodeError } from '../../src/codec/decode.js'
import {
  decodeCall,
  decodeEntry,
  decodeOwner,
  encodeActivate,
  encodeCall,
  encodeCheckpoint,
  encodeCommand,
  encodeCommands,
  encodeCreateGroup,
  encodeOneShot,
  encodeRegister,
  isKnownKind,
  isProposable,
} from '../../src/groups/entry.js'
import { voterIdOf } from '../../src/groups/voter-id.js'

const peer = 'AAAAAAAAAAAAAAAAAAAAAA' as PeerId
const header = { session: 300, sequence: 7, lowest: 2 ** 40, timestampMs: 1_700_000_000_000 }
const call = encodeCall('reserve', { seat: '12A' })
const several = [
  { number: 7, timestampMs: header.timestampMs, ...call },
  { number: 9, timestampMs: header.timestampMs + 1, ...encodeCall('cancel', undefined) },
]
const ticket = { nonce: 'boot1234', number: 5 }
const group = { name: 'orders', machineName: 'kv', replicas: 3, founder: voterIdOf(peer, 2) }

const entries = {
  command: encodeCommand(header, call),
  commands: encodeCommands(header, several),
  oneShot: encodeOneShot({ peer, ticket, timestampMs: 9 }, call),
  register: encodeRegister({ nonce: 'n', peer, replaces: undefined }),
  replacing: encodeRegister({ nonce: 'n', peer, replaces: { id: 12, nonce: 'old' } }),
  createGroup: encodeCreateGroup(group),
  activate: encodeActivate(2),
  checkpoint: encodeCheckpoint(),
}

describe('entries', () => {
  it('[SES10] carries every kind exactly', () => {
    const called = { name: 'reserve', payload: { seat: '12A' } }
    expect(decodeCall(viewOf(call))).toEqual(called)
    expect(decodeEntry(entries.command)).toEqual({ kind: 'command', ...header, ...called })
    const second = { sequence: 9, timestampMs: header.timestampMs + 1, name: 'cancel', payload: undefined }
    const commands = [
      { kind: 'command', ...header, ...called },
      { kind: 'command', ...header, ...second },
    ]
    expect(decodeEntry(entries.commands)).toEqual({ kind: 'commands', commands })
    expect(() => decodeEntry(encodeCommands(header, []))).toThrow(DecodeError)
    expect(decodeEntry(entries.oneShot)).toEqual({ kind: 'one-shot', peer, ticket, timestampMs: 9, ...called })
    expect(decodeEntry(entries.register)).toEqual({ kind: 'register', nonce: 'n', peer, replaces: undefined })
    expect(decodeEntry(entries.replacing)).toMatchObject({ replaces: { id: 12, nonce: 'old' } })
    expect(decodeEntry(entries.createGroup)).toEqual({ kind: 'create-group', ...group })
    expect(decodeEntry(entries.activate)).toEqual({ kind: 'activate', version: 2 })
    expect(decodeEntry(entries.checkpoint)).toEqual({ kind: 'checkpoint' })
  })

  it('[SES10] carries commands of every size, also one that is made while another one is', () => {
    for (const size of [0, 10, 4000, 4096, 4097, 10_000]) {
      const payload = new Uint8Array(size).fill(size)
      const data = encodeCommand(header, encodeCall('blob', payload))
      const entry = decodeEntry(data)
      expect(entry.kind === 'command' && equalBytes(entry.payload as Uint8Array, payload)).toBe(true)
    }
    const ownKeys = (target: object) => {
      encodeCall('inner', 'x')
      return Reflect.ownKeys(target)
    }
    const nested = new Proxy({ a: 1 }, { ownKeys })
    expect(decodeCall(viewOf(encodeCall('outer', nested)))).toEqual({ name: 'outer', payload: { a: 1 } })
    expect(decodeCall(viewOf(encodeCall('after', 1)))).toEqual({ name: 'after', payload: 1 })
  })

  it('[SES10] makes an entry or a DecodeError of any bytes', () => {
    const valid = fc.constantFrom(...Object.values(entries))
    const damaged = fc.tuple(valid, fc.nat(60), fc.nat(255)).map(([bytes, at, byte]) => {
      const copy = bytes.slice()
      if (at < copy.length) copy[at] = byte
      return at % 3 === 0 ? copy.subarray(0, at) : copy
    })
    const check = (data: Uint8Array) => {
      decodeOwner(data)
      try {
        decodeEntry(data)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }
    fc.assert(fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 60 })), check), { seed: 4, numRuns: 2000 })
  })

  it('[SES10] refuses a group without a name or with an endless one', () => {
    for (const name of ['', 'x'.repeat(101)]) {
      expect(() => decodeEntry(encodeCreateGroup({ ...group, name }))).toThrow(DecodeError)
    }
  })

  it('[SES11] lets every peer propose commands, sessions and groups, but nothing else', () => {
    const { activate, ...proposable } = entries
    for (const data of Object.values(proposable)) expect([isProposable(data), isKnownKind(data)]).toEqual([true, true])
    for (const data of [activate]) expect([isProposable(data), isKnownKind(data)]).toEqual([false, true])
    for (const data of [new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(99)]) {
      expect([isProposable(data), isKnownKind(data)]).toEqual([false, false])
    }
  })

  it('[SES18] tells whose a command is without its payload', () => {
    expect(decodeOwner(entries.command)).toEqual({ kind: 'session', session: 300, sequences: [7] })
    expect(decodeOwner(entries.commands)).toEqual({ kind: 'session', session: 300, sequences: [7, 9] })
    expect(decodeOwner(entries.oneShot)).toEqual({ kind: 'one-shot', ticket })
    expect(decodeOwner(entries.register)).toBeUndefined()
    expect(decodeOwner(entries.command.subarray(0, 2))).toBeUndefined()
    expect(decodeOwner(entries.commands.subarray(0, 9))).toBeUndefined()
  })
})
