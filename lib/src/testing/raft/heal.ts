import type { Configuration, Index, VoterId } from '../../raft/types.js'
import { isQuorum, membersOf } from './quorums.js'
import type { SimulatedReplica } from './replica.js'
import { rule } from './violation.js'
import type { World } from './world.js'

/** Ticks after which a healthy cluster must have come to agree, whatever happened before. */
const TICKS_MAX = 1500
/** A client tries again, and the owner of a snapshot gives up, every so many ticks. */
const RETRY_TICKS = 12
/** After so many ticks, whoever can adopt the votes of those who left has done it. */
const PATIENCE_TICKS = 100
/** A cluster that agrees keeps its leader for so many ticks. */
const CALM_TICKS = 60

/**
 * No more faults: within a bounded time somebody leads, something new is committed, a read is answered, all members
 * have the same log and nothing is left to do.
 * @returns false if so many votes have left that nobody can lead any more
 * @throws Violation
 */
export function heal(world: World): boolean {
  for (const from of world.replicas.values()) {
    for (const to of world.replicas.keys()) world.links.mend(from.id, to)
    world.restart(from)
  }
  const healing = new Healing(world)
  for (let tick = 0; !healing.done; tick++) {
    if (tick >= PATIENCE_TICKS && healing.votesHaveLeft && !healing.hasQuorum) return false
    rule(tick < TICKS_MAX, () => `no agreement ${TICKS_MAX} ticks after all faults ended\n${healing.describe()}`)
    if (tick % RETRY_TICKS === 0) healing.retry()
    healing.tick()
  }
  if (healing.hasQuorum && (world.setup.core.checkQuorum ?? true)) keepCalm(healing)
  return true
}

/** Who hears the leader is not disturbed, least of all by replicas that were removed. */
function keepCalm(healing: Healing): void {
  const before = healing.leader?.raw?.status()
  for (let tick = 0; tick < CALM_TICKS; tick++) healing.tick()
  const after = healing.leader?.raw?.status()
  rule(
    before !== undefined && before.id === after?.id && before.term === after.term,
    () => `${before?.id} led term ${before?.term} of a healthy cluster, now ${after?.id} leads ${after?.term}`,
  )
}

class Healing {
  readonly #world: World
  readonly #readsBefore: number
  readonly #committedBefore: Index
  #attempts = 0

  constructor(world: World) {
    this.#world = world
    this.#readsBefore = world.reads
    this.#committedBefore = world.referee.canon.lastIndex
  }

  /** Of the highest term, as a former one may not know yet. */
  get leader(): SimulatedReplica | undefined {
    const leaders = this.#replicas.filter(({ raw }) => raw?.status().role === 'leader')
    return leaders.sort((a, b) => termOf(b) - termOf(a))[0]
  }

  get #replicas(): SimulatedReplica[] {
    return [...this.#world.replicas.values()]
  }

  /** A replica has ended for good: only then may a quorum be missing. */
  get votesHaveLeft(): boolean {
    return this.#world.referee.voices.anyHasEnded
  }

  /**
   * Of the voters, enough are there or spoken for by a member that gets the log: of those that were agreed on last, and
   * of those that the living know of. Who knew of a newer configuration may have ended without a word.
   */
  get hasQuorum(): boolean {
    return this.#isQuorum(this.#world.referee.canon.latestConfiguration.configuration) && this.#isQuorum(this.#known)
  }

  get #known(): Configuration {
    const living = this.#replicas.filter(({ isGone, raw }) => !isGone && raw !== undefined)
    const [newest] = living.sort((a, b) => b.ledger.index - a.ledger.index)
    return newest?.configuration ?? this.#world.referee.canon.latestConfiguration.configuration
  }

  #isQuorum(configuration: Configuration): boolean {
    const { voices } = this.#world.referee
    const members = membersOf(configuration)
    return isQuorum(configuration, (id) => {
      if (!voices.hasEnded(id)) return this.#votes(id, configuration)
      const speaker = voices.speakerOf(id)
      return speaker !== undefined && members.includes(speaker)
    })
  }

  /** A witness whose log is longer than everybody's who could lead votes for nobody. */
  #votes(id: VoterId, configuration: Configuration): boolean {
    const { referee, replicas } = this.#world
    const own = replicas.get(id)?.disk
    if (own === undefined || !referee.isWitness(id)) return own !== undefined
    return this.#replicas.some(({ id: other, hosted, isGone, disk }) => {
      const isUpToDate =
        disk.lastTerm > own.lastTerm || (disk.lastTerm === own.lastTerm && disk.lastIndex >= own.lastIndex)
      const ids = [other, ...hosted.map((voice) => voice.id)]
      return (
        !isGone && !referee.isWitness(other) && isUpToDate && ids.some((each) => configuration.voters.includes(each))
      )
    })
  }

  tick(): void {
    for (const { raw } of this.#replicas) raw?.tick()
    this.#world.settle(() => true)
    this.#dismiss()
  }

  /** What clients and owners do who have waited long enough. */
  retry(): void {
    const some = this.#replicas[this.#attempts++ % this.#world.replicas.size]
    for (const replica of [some, this.leader]) {
      if (replica?.raw === undefined) continue
      this.#world.propose(replica, replica.raw, 1)
      this.#world.read(replica.raw)
    }
    const { leader } = this
    if (leader?.raw === undefined) return
    for (const [id, { state }] of leader.raw.status().progress) {
      if (this.#world.replicas.get(id)?.isGone) leader.raw.reportUnreachable(id)
      if (state === 'snapshot') leader.raw.reportSnapshot(id, false)
    }
    const { votersOutgoing, autoLeave } = leader.configuration
    if (votersOutgoing.length > 0 && !autoLeave) {
      this.#world.change(leader, leader.raw, { transition: 'auto', changes: [] })
    }
  }

  get done(): boolean {
    const { referee } = this.#world
    const { leader } = this
    if (leader?.raw === undefined || !this.#canStay(leader)) return false
    if (referee.canon.lastIndex <= this.#committedBefore || referee.lastAnsweredRead <= this.#readsBefore) return false
    const { lastIndex, term } = leader.raw.status()
    return membersOf(leader.configuration).every((id) => this.#agrees(id, lastIndex, term))
  }

  /** A leader that lost its vote hands over, unless told otherwise. */
  #canStay(replica: SimulatedReplica): boolean {
    const { id, configuration } = replica
    if (configuration.votersOutgoing.length > 0) return false
    const { hosted } = replica
    const isVoter = [id, ...hosted.map((voice) => voice.id)].some((each) => configuration.voters.includes(each))
    return isVoter || this.#world.setup.core.stepDownOnRemoval === false
  }

  #agrees(id: VoterId, lastIndex: Index, term: number): boolean {
    const replica = this.#world.replicas.get(id)
    const status = replica?.raw?.status()
    if (replica?.isGone) return true
    return (
      status !== undefined &&
      status.term === term &&
      status.lastIndex === lastIndex &&
      status.commit === lastIndex &&
      replica?.ledger.index === lastIndex &&
      replica.disk.lastIndex === lastIndex
    )
  }

  /**
   * The owner of a replica that was removed stops it once all members know, and starts it if it is needed again. It
   * has to if the replica leads still, or if nothing else keeps it from disturbing the others.
   */
  #dismiss(): void {
    const { referee, setup, replicas } = this.#world
    const { index, configuration } = referee.canon.latestConfiguration
    const members = membersOf(configuration)
    const running = this.#replicas.filter(({ id, isGone }) => members.includes(id) && !isGone)
    for (const replica of running) this.#world.restart(replica)
    if (running.some(({ ledger }) => ledger.index < index)) return
    for (const replica of replicas.values()) {
      const disturbs = setup.core.checkQuorum === false || referee.isLeader(replica.id)
      if (disturbs && !members.includes(replica.id)) replica.crash(0)
    }
  }

  describe(): string {
    return this.#replicas
      .map(({ id, raw }) => `${id}: ${raw === undefined ? 'down' : describe(raw.status())}`)
      .join('\n')
  }
}

function termOf({ raw }: SimulatedReplica): number {
  return raw?.status().term ?? 0
}

function describe(status: { readonly progress: ReadonlyMap<VoterId, unknown> }): string {
  return JSON.stringify({ ...status, progress: Object.fromEntries(status.progress) })
}
