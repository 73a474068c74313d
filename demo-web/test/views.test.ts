import type { GroupMember, PeerId, PeerInfo, PeerStatus } from 'legion-mesh'
import { describe, expect, it } from 'vitest'
import { ActivityLog } from '../src/activity.js'
import { holdersOf } from '../src/holders.js'
import { colourOf, initialsOf } from '../src/identity.js'
import { peopleOf, type Roll } from '../src/people.js'
import { seatChanges } from '../src/seat-changes.js'

const id = (name: string) => name as PeerId

function info(name: string): PeerInfo {
  const common = {
    bootNonce: 'n',
    kind: 'browser',
    host: 'h',
    canVote: true,
    durable: false,
    stack: 'firefox',
  } as const
  return { id: id(name), name: name.toUpperCase(), ...common }
}

function member(name: string, isLeader = false): GroupMember {
  return { peer: id(name), id: `${name}.1`, name: name.toUpperCase(), kind: 'browser', role: 'voter', isLeader }
}

function roll(self: string, linked: string[], members: GroupMember[]): Roll {
  const peers = linked.map((name): [PeerId, PeerStatus] => [
    id(name),
    { info: info(name), clusterId: undefined, rttMs: 4, via: undefined },
  ])
  return { self: info(self), peers: new Map(peers), members }
}

describe('what the page shows', () => {
  it('[DEM4] lists this peer, then the linked and the members by name, each once', () => {
    const people = peopleOf(roll('mia', ['zoe', 'eve'], [member('zoe', true), member('mia'), member('bea')]))
    const seen = people.map(({ name, role, isLeader, isLinked }) => [name, role, isLeader, isLinked])
    expect(seen).toEqual([
      ['MIA', 'voter', false, true],
      ['BEA', 'voter', false, false],
      ['EVE', undefined, false, true],
      ['ZOE', 'voter', true, true],
    ])
  })

  it('[DEM2] tells holders apart: this peer, those present, those gone, also without a name', () => {
    const seats = { A1: 'mia', A2: 'zoe', A3: 'ada', A4: 'bob' }
    const holders = holdersOf(seats, { ada: 'Ada' }, roll('mia', ['zoe'], []))
    expect(Object.fromEntries(holders)).toEqual({
      A1: { peer: 'mia', name: 'MIA', isSelf: true, isGone: false },
      A2: { peer: 'zoe', name: 'ZOE', isSelf: false, isGone: false },
      A3: { peer: 'ada', name: 'Ada', isSelf: false, isGone: true },
      A4: { peer: 'bob', name: 'somebody', isSelf: false, isGone: true },
    })
  })

  it('[DEM5] finds the seats that changed hands', () => {
    expect(seatChanges({ A1: 'a', A2: 'b', A3: 'c' }, { A1: 'a', A2: 'a', A4: 'd' })).toEqual([
      { seat: 'A2', before: 'b', after: 'a' },
      { seat: 'A3', before: 'c', after: undefined },
      { seat: 'A4', before: undefined, after: 'd' },
    ])
  })

  it('[DEM5] keeps the newest lines of what happened, and one for many edits in a row', () => {
    const log = new ActivityLog()
    for (let i = 0; i < 150; i++) log.add('seat', `seat ${i}`)
    log.addOnce('notes', 'edited', 0)
    log.addOnce('notes', 'edited', 0)
    expect(log.entries).toHaveLength(100)
    expect(log.entries.slice(0, 2).map(({ text }) => text)).toEqual(['edited', 'seat 149'])
    expect(new Set(log.entries.map((entry) => entry.id)).size).toBe(100)
  })

  it('[DEM6] shows a name as initials in a colour of its own, the same everywhere', () => {
    expect(['Ada Lovelace', 'Ada', 'Jean van de Velde', '  ', '🎭 Mask'].map(initialsOf)).toEqual([
      ...['AL', 'A', 'JV', '?', '🎭M'],
    ])
    expect(colourOf('Ada')).toBe(colourOf('Ada'))
    expect(colourOf('Ada')).not.toBe(colourOf('Bob'))
  })
})
