import { describe, expect, it } from 'vitest'
import { jointCommitted, jointVote, majorityCommitted, majorityVote } from '../../../src/raft/quorum.js'
import type { VoterId } from '../../../src/raft/types.js'
import { parseList, readScripts, type Stanza, scriptsAvailable } from './script.js'

const VOTE_RESULTS = { won: 'VoteWon', lost: 'VoteLost', pending: 'VotePending' }

describe.skipIf(!scriptsAvailable)('quorum scripts of etcd', () => {
  for (const [file, stanzas] of readScripts('quorum')) {
    it(`[RFT1] ${file}`, () => {
      for (const stanza of stanzas) expect(run(stanza), `line ${stanza.line}`).toBe(stanza.expected)
    })
  }
})

function run(stanza: Stanza): string {
  const voters = parseList(stanza.named.get('cfg')) as VoterId[]
  const joint = stanza.named.get('cfgj')
  const outgoing = joint === 'zero' ? [] : (parseList(joint) as VoterId[])
  const ids = [...new Set([...voters, ...outgoing])]
  const answers = parseList(stanza.named.get(stanza.command === 'vote' ? 'votes' : 'idx'))
  const answer = (id: VoterId) => answers[ids.indexOf(id)]
  if (stanza.command === 'vote') {
    const vote = (id: VoterId) => (answer(id) === '_' ? undefined : answer(id) === 'y')
    const result = joint === undefined ? majorityVote(voters, vote) : jointVote(halves(voters, outgoing), vote)
    return VOTE_RESULTS[result]
  }
  const acknowledged = (id: VoterId) => (answer(id) === '_' ? 0 : Number(answer(id)))
  const committed =
    joint === undefined
      ? majorityCommitted(voters, acknowledged)
      : jointCommitted(halves(voters, outgoing), acknowledged)
  return drawQuorum(ids, answer) + (committed === Number.POSITIVE_INFINITY ? '∞' : committed)
}

function halves(voters: VoterId[], votersOutgoing: VoterId[]) {
  return { voters, votersOutgoing }
}

/** A bar for each voter, as long as there are voters with less. */
function drawQuorum(ids: readonly VoterId[], answer: (id: VoterId) => string | undefined): string {
  if (ids.length === 0) return '<empty majority quorum>'
  const width = ids.length
  const index = (id: VoterId) => Number(answer(id) === '_' ? 0 : answer(id))
  const lines = [...ids]
    .sort((a, b) => Number(a) - Number(b))
    .map((id) => {
      const below = ids.filter((other) => index(other) < index(id)).length
      const bar = answer(id) === '_' ? '?'.padEnd(width + 1) : `${'x'.repeat(below)}>`.padEnd(width + 1)
      return `${bar} ${String(index(id)).padStart(5)}    (id=${id})\n`
    })
  return `${' '.repeat(width)}    idx\n${lines.join('')}`
}
