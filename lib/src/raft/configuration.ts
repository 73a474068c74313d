import { type ConfigChange, entersJoint, leavesJoint, type MemberChange } from './config-change.js'
import type { Configuration, VoterId } from './types.js'

/** Why a change makes no valid configuration. */
export type ConfigProblem =
  | 'already-joint'
  | 'not-joint'
  | 'no-voters-yet'
  /** Nobody would be left who can lead. */
  | 'no-voters-left'
  | 'more-than-one-voter-changed'
  | 'witness-without-data'
  /** Witnesses could decide without anyone who has the data. */
  | 'too-many-witnesses'

export type ConfigResult =
  | { readonly ok: true; readonly configuration: Configuration }
  | { readonly ok: false; readonly problem: ConfigProblem }

/** What `configuration` becomes by `change`. */
export function changeConfiguration(configuration: Configuration, change: ConfigChange): ConfigResult {
  if (leavesJoint(change)) return leaveJointConfiguration(configuration)
  if (entersJoint(change) || takesDataFromWitnesses(configuration, change)) {
    return enterJoint(configuration, change.changes, change.transition !== 'explicit')
  }
  return changeDirectly(configuration, change.changes)
}

/**
 * The first half of joint consensus (Raft paper, section 6): from here on decisions need a majority of the old voters
 * and one of the new.
 */
export function enterJoint(
  configuration: Configuration,
  changes: readonly MemberChange[],
  autoLeave: boolean,
): ConfigResult {
  if (isJoint(configuration)) return failed('already-joint')
  if (configuration.voters.length === 0) return failed('no-voters-yet')
  const draft = new Draft({ ...configuration, votersOutgoing: configuration.voters })
  draft.apply(changes)
  return draft.finish(configuration, autoLeave)
}

/** The second half: only the new voters are left, and demoted ones become learners. */
export function leaveJointConfiguration(configuration: Configuration): ConfigResult {
  if (!isJoint(configuration)) return failed('not-joint')
  const draft = new Draft({
    ...configuration,
    votersOutgoing: [],
    learners: [...configuration.learners, ...configuration.learnersNext],
    learnersNext: [],
  })
  return draft.finish(configuration, false)
}

/** Changes that move at most one vote need no joint configuration: old and new majorities overlap anyway. */
export function changeDirectly(configuration: Configuration, changes: readonly MemberChange[]): ConfigResult {
  if (isJoint(configuration)) return failed('already-joint')
  const draft = new Draft(configuration)
  draft.apply(changes)
  const result = draft.finish(configuration, false)
  if (result.ok && votersMoved(configuration, result.configuration) > 1) return failed('more-than-one-voter-changed')
  return result
}

export function isJoint(configuration: Configuration): boolean {
  return configuration.votersOutgoing.length > 0
}

/** True for a configuration that keeps all rules of `Configuration`, as one from a peer may not. */
export function isValidConfiguration(configuration: Configuration): boolean {
  const { voters, votersOutgoing, learners, learnersNext, witnesses } = configuration
  const voting = new Set([...voters, ...votersOutgoing])
  return (
    voters.some((id) => !witnesses.includes(id)) &&
    needsData(voters, witnesses) &&
    needsData(votersOutgoing, witnesses) &&
    [voters, votersOutgoing, learners, learnersNext, witnesses].every(isStrictlySorted) &&
    learners.every((id) => !voting.has(id)) &&
    learnersNext.every((id) => votersOutgoing.includes(id) && !voters.includes(id) && !witnesses.includes(id)) &&
    witnesses.every((id) => voting.has(id))
  )
}

function isStrictlySorted(ids: readonly VoterId[]): boolean {
  return ids.every((id, i) => i === 0 || (ids[i - 1] as string) < id)
}

/**
 * The change could be committed by the leader and witnesses alone. If the leader then lost its vote, nobody would be
 * left who has that entry and can lead; a joint configuration makes sure that a voter of the new half has it.
 */
function takesDataFromWitnesses({ voters, witnesses }: Configuration, { changes }: ConfigChange): boolean {
  return witnesses.length > 0 && changes.some(({ type, id }) => type !== 'add-voter' && voters.includes(id))
}

/** No majority of witnesses alone. */
function needsData(voters: readonly VoterId[], witnesses: readonly VoterId[]): boolean {
  return voters.filter((id) => witnesses.includes(id)).length * 2 <= voters.length
}

function votersMoved(before: Configuration, after: Configuration): number {
  const added = after.voters.filter((id) => !before.voters.includes(id))
  const removed = before.voters.filter((id) => !after.voters.includes(id))
  return added.length + removed.length
}

function failed(problem: ConfigProblem): ConfigResult {
  return { ok: false, problem }
}

/** A configuration under construction. */
class Draft {
  readonly #voters: Set<VoterId>
  readonly #outgoing: Set<VoterId>
  readonly #learners: Set<VoterId>
  readonly #learnersNext: Set<VoterId>
  readonly #witnesses: Set<VoterId>
  /** Who was added in a role that needs the data. */
  readonly #needData = new Set<VoterId>()

  constructor(from: Configuration) {
    this.#voters = new Set(from.voters)
    this.#outgoing = new Set(from.votersOutgoing)
    this.#learners = new Set(from.learners)
    this.#learnersNext = new Set(from.learnersNext)
    this.#witnesses = new Set(from.witnesses)
  }

  apply(changes: readonly MemberChange[]): void {
    for (const { type, id } of changes) {
      this.#remove(id)
      if (type === 'add-voter') this.#voters.add(id)
      if (type === 'add-learner') this.#addLearner(id)
      if (type === 'add-witness') this.#addWitness(id)
      if (type === 'add-voter' || type === 'add-learner') this.#needData.add(id)
    }
  }

  /** @param before what the draft started from, whose witnesses have no data to go on with in another role */
  finish(before: Configuration, autoLeave: boolean): ConfigResult {
    if ([...this.#voters].every((id) => this.#witnesses.has(id))) return failed('no-voters-left')
    if (before.witnesses.some((id) => this.#needData.has(id))) return failed('witness-without-data')
    for (const id of before.witnesses) if (this.#outgoing.has(id)) this.#witnesses.add(id)
    const configuration = {
      voters: sorted(this.#voters),
      votersOutgoing: sorted(this.#outgoing),
      learners: sorted(this.#learners),
      learnersNext: sorted(this.#learnersNext),
      witnesses: sorted(this.#witnesses).filter((id) => this.#voters.has(id) || this.#outgoing.has(id)),
      autoLeave,
    }
    const enoughData = needsData(configuration.voters, configuration.witnesses)
    return enoughData && needsData(configuration.votersOutgoing, configuration.witnesses)
      ? { ok: true, configuration }
      : failed('too-many-witnesses')
  }

  #addLearner(id: VoterId): void {
    // Who still votes in the old half can't be a learner before that half is gone.
    const learners = this.#outgoing.has(id) ? this.#learnersNext : this.#learners
    learners.add(id)
  }

  #addWitness(id: VoterId): void {
    this.#voters.add(id)
    this.#witnesses.add(id)
  }

  #remove(id: VoterId): void {
    this.#voters.delete(id)
    this.#learners.delete(id)
    this.#learnersNext.delete(id)
    this.#needData.delete(id)
    this.#witnesses.delete(id)
  }
}

function sorted(ids: ReadonlySet<VoterId>): VoterId[] {
  return [...ids].sort()
}
