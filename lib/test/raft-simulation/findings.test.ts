import { describe, expect, it } from 'vitest'
import type { ConfigChange, MemberChange } from '../../src/raft/config-change.js'
import { changeConfiguration } from '../../src/raft/configuration.js'
import { emptyState, foundingState, RawNode } from '../../src/raft/index.js'
import type { Configuration, VoterId } from '../../src/raft/types.js'

// What the simulator found that needs no schedule to be shown.

const ids = (names: string) => [...names] as VoterId[]
const configuration = (voters: string, witnesses: string): Configuration => ({
  ...emptyState.snapshot.configuration,
  voters: ids(voters),
  witnesses: ids(witnesses),
})
const auto = (...changes: readonly (readonly [MemberChange['type'], string])[]): ConfigChange => ({
  transition: 'auto',
  changes: changes.map(([type, id]) => ({ type, id: id as VoterId })),
  context: new Uint8Array(0),
})

describe('witnesses', () => {
  it('[RFT220] never are a majority, not even of half of a joint configuration', () => {
    expect(changeConfiguration(configuration('abw', 'w'), auto(['add-witness', 'b']))).toEqual({
      ok: false,
      problem: 'too-many-witnesses',
    })
    expect(changeConfiguration(configuration('ab', ''), auto(['add-witness', 'b'])).ok).toBe(true)
    const twoOfThree = auto(['add-witness', 'b'], ['add-witness', 'c'])
    expect(changeConfiguration(configuration('abc', ''), twoOfThree).ok).toBe(false)
  })

  it('[RFT220] make it a joint change to take the vote of a member with data', () => {
    const votersAfter = (change: ConfigChange, witnesses: string) => {
      const result = changeConfiguration(configuration('abw', witnesses), change)
      return result.ok ? [result.configuration.voters, result.configuration.votersOutgoing] : result.problem
    }
    expect(votersAfter(auto(['remove', 'a']), 'w')).toEqual([ids('bw'), ids('abw')])
    expect(votersAfter(auto(['add-learner', 'a']), 'w')).toEqual([ids('bw'), ids('abw')])
    expect(votersAfter(auto(['remove', 'a']), '')).toEqual([ids('bw'), []])
    expect(votersAfter(auto(['add-voter', 'c']), 'w')).toEqual([ids('abcw'), []])
  })
})

describe('a log', () => {
  it('[RFT221] has no entries before its beginning or after its end', () => {
    const { hardState, snapshot } = foundingState(ids('a'))
    const entries = [10, 11, 12].map((index) => ({ term: 1, index, type: 'normal' as const, data: new Uint8Array(0) }))
    const node = new RawNode({
      id: 'a' as VoterId,
      random: () => 0,
      snapshot: () => undefined,
      initial: { hardState: { ...hardState, commit: 9 }, snapshot: { ...snapshot, index: 9 }, entries },
    })
    expect(node.entries(3, 7)).toEqual([])
    expect(node.entries(13, 20)).toEqual([])
    expect(node.entries(3, 11).map(({ index }) => index)).toEqual([10, 11])
  })
})
