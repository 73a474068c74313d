import { pick, type RandomStream, randomInt, shuffled } from '../../base/random.js'
import type { MemberChange } from '../../raft/config-change.js'
import type { Configuration, Status, VoterId } from '../../raft/types.js'
import { membersOf } from './quorums.js'
import type { ChangeWish } from './steps.js'

const LEAVE: ChangeWish = { transition: 'auto', changes: [] }
const FEW_VOTERS = 3

/** A change of `configuration` that somebody might want; the core may refuse it. */
export function drawChange(
  random: RandomStream,
  configuration: Configuration,
  everyone: readonly VoterId[],
  isGone: (id: VoterId) => boolean = () => false,
): ChangeWish {
  if (configuration.votersOutgoing.length > 0 && random() < 0.7) return LEAVE
  const count = pick(random, [1, 1, 1, 2, 3])
  const who = shuffled(random, everyone).slice(0, count)
  const changes = who.map(
    (id): MemberChange => (isGone(id) ? { type: 'remove', id } : drawMemberChange(random, configuration, id)),
  )
  return { transition: pick(random, ['auto', 'auto', 'implicit', 'explicit'] as const), changes }
}

/** What a leader wants that looks after its cluster: votes of those who are there. Undefined: nothing. */
export function mendingChange(
  { configuration, progress }: Status,
  isThere: (id: VoterId) => boolean,
  newcomer: VoterId | undefined,
): ChangeWish | undefined {
  if (configuration.votersOutgoing.length > 0) return LEAVE
  const changes: MemberChange[] = []
  for (const [id, { speaker, learner, state }] of progress) {
    if (speaker !== undefined) changes.push({ type: 'remove', id })
    else if (learner && !isThere(id)) changes.push({ type: 'remove', id })
    else if (learner && state === 'replicate') changes.push({ type: 'add-voter', id })
  }
  if (newcomer !== undefined && configuration.learners.length === 0) changes.push({ type: 'add-learner', id: newcomer })
  return changes.length > 0 ? { transition: 'auto', changes } : undefined
}

function drawMemberChange(random: RandomStream, configuration: Configuration, id: VoterId): MemberChange {
  if (id === 'w' || id === 'x') return { type: random() < 0.7 ? 'add-witness' : 'remove', id }
  const few = configuration.voters.length <= FEW_VOTERS
  if (!membersOf(configuration).includes(id)) return { type: random() < 0.6 || few ? 'add-voter' : 'add-learner', id }
  const isLearner = configuration.learners.includes(id)
  if (isLearner) return { type: randomInt(random, 3) > 0 ? 'add-voter' : 'remove', id }
  return { type: pick(random, few ? ['add-voter', 'add-learner'] : ['remove', 'remove', 'add-learner']), id }
}
