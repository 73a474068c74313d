import { invariant } from '../../base/errors.js'
import type { Message } from '../../raft/messages.js'
import type { RawNode } from '../../raft/raw-node.js'
import type { ProposeResult, Ready, VoterId } from '../../raft/types.js'
import { payload, proposalNumber } from './ledger.js'
import { Links } from './links.js'
import { Referee } from './referee.js'
import { SimulatedReplica } from './replica.js'
import { founding, fromNothing, type Setup } from './setup.js'
import type { ChangeWish, Step, Verb } from './steps.js'
import { rule } from './violation.js'

/** A world has nothing more to do after so many rounds, or something goes round in circles. */
const SETTLE_ROUNDS_MAX = 2000
/** Payloads of proposals are of different sizes. */
const SIZES = [4, 4, 16, 40, 100]

/**
 * A cluster of Raft cores, their disks and the messages between them, to which steps happen one at a time. The same
 * setup and steps give the same run. The referee judges all that comes out of the cores, so any step may throw a
 * Violation, or an InvariantError of a core.
 */
export class World {
  readonly setup: Setup
  readonly replicas: ReadonlyMap<VoterId, SimulatedReplica>
  readonly referee: Referee
  readonly links: Links
  /** Called for every message that is on its way now. */
  onSent: (message: Message) => void = () => {}
  /** Called for every Ready that was taken. */
  onReady: (id: VoterId, ready: Ready) => void = () => {}
  /** They are or may become witnesses, so they may never be given a role that needs what witnesses throw away. */
  readonly #withoutData: Set<string>
  /** Forwarded proposals that arrived more than once: one may be taken and another refused. */
  readonly #duplicated = new Set<number>()
  #proposals = 0
  #reads = 0

  constructor(setup: Setup) {
    this.setup = setup
    const replicas = new Map<VoterId, SimulatedReplica>()
    const founders = setup.voters + setup.learners + setup.witnesses
    const beginning = founding(setup)
    this.replicas = replicas
    this.referee = new Referee(replicas, beginning.snapshot)
    this.#withoutData = new Set(setup.witnesses)
    for (const name of founders + setup.spares) {
      const id = name as VoterId
      const { hardState, snapshot } = founders.includes(name) ? beginning : fromNothing
      replicas.set(id, new SimulatedReplica({ ...setup, id }, hardState, snapshot, this.referee))
    }
    for (const replica of replicas.values()) this.referee.started(replica)
    this.links = new Links([...replicas.keys()])
  }

  /** The number of the last proposal. */
  get proposals(): number {
    return this.#proposals
  }

  /** The number of the last read. */
  get reads(): number {
    return this.#reads
  }

  /** @returns false if it can't happen */
  step(step: Step): boolean {
    const replica = this.replicas.get(step.who)
    return replica !== undefined && ACTIONS[step.verb](this, replica, step)
  }

  arrive(message: Message | undefined): boolean {
    const raw = message && this.replicas.get(message.to)?.raw
    if (message === undefined || raw === undefined) return false
    raw.step(message)
    rule(!raw.hasLostData, () => `${message.to} believes to have lost what it acknowledged`)
    return true
  }

  duplicate(message: Message | undefined): boolean {
    if (message?.type === 'propose') for (const entry of message.entries) this.#duplicated.add(proposalNumber(entry))
    return this.arrive(message)
  }

  write(replica: SimulatedReplica): boolean {
    const { raw } = replica
    if (!raw?.hasReady()) return false
    const ready = replica.write()
    this.onReady(replica.id, ready)
    this.referee.taken(replica, raw, ready)
    this.#send(replica, ready.messages)
    return true
  }

  sync(replica: SimulatedReplica): boolean {
    if (!replica.isWriting) return false
    const ready = replica.sync()
    this.referee.synced(replica)
    this.#send(replica, ready.messagesAfterPersist)
    replica.finish(ready)
    this.#answer(replica, ready)
    return true
  }

  #send(replica: SimulatedReplica, messages: readonly Message[]): void {
    for (const message of messages) {
      this.referee.sent(replica, message)
      if (this.links.send(message)) this.onSent(message)
    }
  }

  #answer(replica: SimulatedReplica, ready: Ready): void {
    if (ready.committedEntries.length > 0 || ready.snapshot !== undefined) this.referee.settled(replica)
    for (const { index, ticket } of ready.readStates) this.referee.readEnds(replica, ticket, index)
    for (const { request, ticket } of ready.refusals) {
      if (request === 'proposal') this.#refuse(replica.forwarded.get(ticket) ?? [])
    }
  }

  restart(replica: SimulatedReplica): boolean {
    if (replica.isUp || replica.isGone) return false
    replica.restart()
    this.referee.started(replica)
    return true
  }

  /** @param deaf bit n is set if the goodbye does not get to replica number n, and who says it knows that */
  goodbye(replica: SimulatedReplica, raw: RawNode, deaf: number): void {
    const needed = this.referee.ends(replica, raw)
    const hearers = [...this.replicas.keys()].filter((id, i) => id !== replica.id && ((deaf >> i) & 1) === 0)
    const { entries, goodbye } = replica.sayGoodbye((id) => hearers.includes(id))
    this.referee.saysGoodbye(replica, goodbye, needed)
    for (const to of hearers) {
      this.#send(
        replica,
        entries === undefined
          ? [{ ...goodbye, to }]
          : [
              { ...entries, to },
              { ...goodbye, to },
            ],
      )
    }
  }

  propose(replica: SimulatedReplica, raw: RawNode, count: number): boolean {
    const proposals = Array.from({ length: count }, () => ++this.#proposals)
    const payloads = proposals.map((proposal) => payload(proposal, SIZES[proposal % SIZES.length] as number))
    return this.#proposed(replica, proposals, raw.propose(payloads))
  }

  /** Leaves out what would give a role with data to a replica without. */
  change(replica: SimulatedReplica, raw: RawNode, { transition, changes }: ChangeWish): boolean {
    const possible = changes.filter(
      ({ type, id }) => type === 'remove' || type === 'add-witness' || !this.#withoutData.has(id),
    )
    if (possible.length < changes.length) return false
    for (const { type, id } of possible) if (type === 'add-witness') this.#withoutData.add(id)
    const proposal = ++this.#proposals
    const context = payload(proposal, 0)
    return this.#proposed(replica, [proposal], raw.proposeConfigChange({ transition, changes: possible, context }))
  }

  #proposed(replica: SimulatedReplica, proposals: readonly number[], result: ProposeResult): boolean {
    if (result.kind === 'forwarded') replica.forwarded.set(result.ticket, proposals)
    if (result.kind === 'dropped') this.#refuse(proposals)
    return result.kind !== 'dropped'
  }

  #refuse(proposals: readonly number[]): void {
    for (const proposal of proposals) if (!this.#duplicated.has(proposal)) this.referee.canon.refuse(proposal)
  }

  read(raw: RawNode): boolean {
    this.referee.readBegins(++this.#reads)
    return raw.readIndex(this.#reads) === undefined
  }

  /** Everything there is to do and to deliver among some replicas, round by round, until they are quiet. */
  settle(isIn: (id: VoterId) => boolean): boolean {
    const some = [...this.replicas.values()].filter(({ id }) => isIn(id))
    for (let round = 0; this.#settleOnce(some); round++) {
      invariant(round < SETTLE_ROUNDS_MAX, () => 'the cluster does not come to rest')
    }
    return true
  }

  #settleOnce(some: readonly SimulatedReplica[]): boolean {
    let busy = false
    for (const replica of some) {
      if (this.sync(replica)) busy = true
      if (this.write(replica)) busy = this.sync(replica)
    }
    for (const from of some) for (const to of some) if (this.#deliverAll(from.id, to.id)) busy = true
    return busy
  }

  #deliverAll(from: VoterId, to: VoterId): boolean {
    const waiting = this.links.between(from, to).length
    for (let i = 0; i < waiting; i++) this.arrive(this.links.take(from, to, 0))
    return waiting > 0
  }
}

/** What a step does; `raw` is there if the replica is up. */
type Action = (world: World, replica: SimulatedReplica, step: Step) => boolean

/** An action of a replica that is up. */
function live(action: (raw: RawNode, step: Step, world: World, replica: SimulatedReplica) => unknown): Action {
  return (world, replica, step) => replica.raw !== undefined && action(replica.raw, step, world, replica) !== false
}

/** One that needs another replica. */
function both(action: (world: World, from: VoterId, to: VoterId, step: Step) => unknown): Action {
  return (world, { id }, step) => step.peer !== undefined && action(world, id, step.peer, step) !== false
}

const ACTIONS: Readonly<Record<Verb, Action>> = {
  tick: live((raw, { count = 0 }) => {
    for (let i = Math.max(1, count); i > 0; i--) raw.tick()
  }),
  deliver: both((world, from, to, { count = 0 }) => world.arrive(world.links.take(from, to, count))),
  drop: both((world, from, to, { count = 0 }) => world.links.take(from, to, count) !== undefined),
  duplicate: both((world, from, to, { count = 0 }) => world.duplicate(world.links.between(from, to)[count])),
  write: (world, replica) => world.write(replica),
  sync: (world, replica) => world.sync(replica),
  ready: (world, replica) => {
    const finished = world.sync(replica)
    return (world.write(replica) && world.sync(replica)) || finished
  },
  crash: live((_raw, { count = 0 }, _world, replica) => replica.crash(count)),
  restart: (world, replica) => world.restart(replica),
  goodbye: live((raw, { count = 0 }, world, replica) => world.goodbye(replica, raw, count)),
  propose: live((raw, { count = 0 }, world, replica) => world.propose(replica, raw, Math.max(1, count))),
  read: live((raw, _step, world) => world.read(raw)),
  change: live((raw, { change }, world, replica) => change !== undefined && world.change(replica, raw, change)),
  transfer: live((raw, { peer }) => peer !== undefined && raw.transferLeader(peer) === undefined),
  campaign: live((raw) => raw.campaign() === undefined),
  wake: live((raw) => raw.wake()),
  release: live((raw) => raw.heldCommit !== undefined && raw.releaseCommit(raw.heldCommit)),
  compact: live((_raw, { count = 0 }, _world, replica) => replica.compact(count)),
  cut: both((world, from, to) => world.links.cut(from, to)),
  mend: both((world, from, to) => world.links.mend(from, to)),
  unreachable: live((raw, { peer }) => peer !== undefined && raw.reportUnreachable(peer)),
  'report-snapshot': live((raw, { peer, count = 0 }) => peer !== undefined && raw.reportSnapshot(peer, count > 0)),
  settle: (world, { id }, { peer }) => world.settle((each) => peer === undefined || each === id || each === peer),
}
