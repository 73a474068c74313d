import type { MemberChange, MemberChangeType } from '../../../src/raft/config-change.js'
import type { VoterId } from '../../../src/raft/types.js'

const TYPES: Readonly<Record<string, MemberChangeType>> = { v: 'add-voter', l: 'add-learner', r: 'remove' }

/** `v2 l3 r1`. Updates (`u2`) and changes of id 0 change nothing in the original and do not exist here. */
export function parseChanges(input: readonly string[]): MemberChange[] {
  const words = input.join(' ').split(/\s+/).filter(Boolean)
  return words.flatMap((word) => {
    const type = TYPES[word.charAt(0)]
    const id = word.slice(1)
    return type === undefined || id === '0' ? [] : [{ type, id: id as VoterId }]
  })
}
