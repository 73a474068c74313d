import { seededRandom } from '../../src/base/random.js'
import type { Message } from '../../src/raft/messages.js'
import { emptyState, foundingState } from '../../src/raft/options.js'
import type { Entry, Index, Term, VoterId } from '../../src/raft/types.js'
import { change, ELECTION_TICKS, id, ids, Replica } from './cluster.js'

/** One thing that happens. `who` and `what` choose by remainder, so that any numbers make sense. */
export interface Step {
  readonly kind: StepKind
  readonly who: number
  readonly what: number
}

export type StepKind = keyof typeof STEPS

const NAMES = 'abcde'
const FOUNDERS = 'abc'
const MAX_MESSAGES = 300
const CHANGES = ['vd', 've', 'ra', 'rb', 'rc', 'la', 'lb', 'ld', 'le', 'va', 'vb', 'vc', 'rd', 're']
/**
 * With a witness no voter with data is removed: if the others lack what it and the witness have, they can't go on, as
 * they can't when it crashes for good.
 */
const CHANGES_WITH_WITNESS = ['we', 're', 'ld', 'vd']

export interface WorldOptions {
  readonly preVote: boolean
  readonly checkQuorum: boolean
  readonly quiesceTicks: number
  readonly witness: boolean
}

/**
 * A cluster to which a schedule happens, and a referee who knows every entry that was ever committed.
 */
export class World {
  readonly replicas: readonly Replica[]
  /** Members that are added, changed and removed. */
  readonly changes: readonly string[]
  messages: Message[] = []
  /** What was committed, by index, and in which term; the first commit decides. */
  readonly #committed = new Map<Index, { readonly entry: Entry; readonly term: Term }>()
  readonly #leaders = new Map<Term, VoterId>()
  readonly #votes = new Map<string, VoterId>()
  /** What was committed when a read was asked for, by ticket. */
  readonly #reads = new Map<number, Index>()
  #highestCommit: Index = 1
  #proposals = 0
  #tickets = 0

  constructor(seed: number, { witness, ...options }: WorldOptions) {
    const random = seededRandom(seed)
    this.changes = witness ? CHANGES_WITH_WITNESS : CHANGES
    this.replicas = ids(NAMES).map((name) => {
      const initial = FOUNDERS.includes(name) ? foundingState(ids(FOUNDERS)) : emptyState
      return new Replica(name, initial, { ...options, random, maxInflightMessages: 3, maxMessageBytes: 100 })
    })
  }

  run(schedule: readonly Step[]): void {
    for (const step of schedule) this.step(step)
  }

  step({ kind, who, what }: Step): void {
    const replica = this.replicas[who % this.replicas.length] as Replica
    const commit = replica.status.commit
    STEPS[kind](this, replica, what)
    if (kind !== 'crash' && replica.status.commit < commit) throw new Error(`${replica.id}: commit went back`)
    this.#judge(replica)
  }

  /** @param lazily writes only what has to be durable */
  process(replica: Replica, lazily = false): void {
    if (!replica.raw.hasReady()) return
    const ready = replica.raw.ready()
    this.send(ready.messages)
    if (!lazily || ready.mustSync || ready.snapshot !== undefined) replica.persist(ready)
    this.send(ready.messagesAfterPersist)
    replica.apply(ready)
    replica.raw.advance()
    this.#judge(replica)
  }

  /** Everything of the Ready is lost, except for messages that did not have to wait for storage. */
  crash(replica: Replica): void {
    if (replica.raw.hasReady()) this.send(replica.raw.ready().messages)
    replica.restart()
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) this.#checkVote(message)
    this.messages.push(...messages)
    if (this.messages.length > MAX_MESSAGES) this.messages.splice(0, this.messages.length - MAX_MESSAGES)
  }

  take(which: number): Message | undefined {
    return this.messages.splice(which % Math.max(1, this.messages.length), 1)[0]
  }

  deliver(message: Message | undefined): void {
    const replica = this.replicas.find((each) => each.id === message?.to)
    if (message === undefined || replica === undefined) return
    replica.raw.step(message)
    this.#judge(replica)
  }

  propose(replica: Replica): void {
    replica.propose(`p${++this.#proposals}`)
  }

  read(replica: Replica): void {
    const ticket = ++this.#tickets
    this.#reads.set(ticket, this.#highestCommit)
    replica.raw.readIndex(ticket)
  }

  /** No more faults: within a bounded time somebody leads, something new is committed, and all members agree. */
  heal(): void {
    const before = this.#highestCommit
    for (let ticks = 0; ticks < 60 * ELECTION_TICKS; ticks++) {
      for (const replica of this.replicas) replica.raw.tick()
      this.#settle()
      const leader = this.replicas.find((each) => each.isLeader)
      if (leader !== undefined && ticks % ELECTION_TICKS === 0) reportLostSnapshots(leader)
      if (leader !== undefined && this.#highestCommit <= before) this.propose(leader)
      if (this.#highestCommit > before && this.#agreed()) return
    }
    throw new Error(`no progress: ${JSON.stringify(this.replicas.map((each) => each.status))}`)
  }

  #settle(): void {
    for (let busy = true; busy; ) {
      const delivered = this.messages
      this.messages = []
      for (const message of delivered) this.deliver(message)
      const ready = this.replicas.filter((each) => each.raw.hasReady())
      for (const replica of ready) this.process(replica)
      busy = ready.length > 0
    }
  }

  #agreed(): boolean {
    const leader = this.replicas.find((each) => each.isLeader)
    if (leader === undefined) return false
    const { voters, votersOutgoing, learners, witnesses } = leader.configuration
    const full = [...voters, ...learners].filter((each) => !witnesses.includes(each))
    const states = this.replicas.filter((each) => full.includes(each.id)).map((each) => each.applied.join())
    return votersOutgoing.length === 0 && new Set(states).size === 1
  }

  #judge(replica: Replica): void {
    const { status } = replica
    if (status.role === 'leader') this.#checkLeader(replica)
    for (const entry of replica.raw.entries(status.firstIndex, status.commit)) this.#checkCommitted(replica, entry)
    this.#highestCommit = Math.max(this.#highestCommit, status.commit)
    for (const { index, ticket } of replica.readStates.splice(0)) {
      const atLeast = this.#reads.get(ticket) ?? 0
      if (index < atLeast) throw new Error(`stale read: ${index} after ${atLeast} was committed`)
    }
  }

  /** One leader per term, and it has everything that was committed in earlier terms. */
  #checkLeader({ id: name, raw }: Replica): void {
    const { term, firstIndex } = raw.status()
    const leader = this.#leaders.get(term)
    if (leader === undefined) {
      for (const [index, { entry, term: committedIn }] of this.#committed) {
        const own = index < firstIndex ? entry.term : raw.term(index)
        if (own !== entry.term && committedIn < term)
          throw new Error(`leader ${name} of term ${term} lacks ${entry.term}/${index}`)
      }
    } else if (leader !== name) {
      throw new Error(`${leader} and ${name} lead term ${term}`)
    }
    this.#leaders.set(term, name)
  }

  #checkCommitted(replica: Replica, entry: Entry): void {
    const known = this.#committed.get(entry.index)?.entry
    const sameData = known?.data.length === 0 || entry.data.length === 0 || `${known?.data}` === `${entry.data}`
    if (known !== undefined && (known.term !== entry.term || known.type !== entry.type || !sameData)) {
      throw new Error(`${replica.id} committed ${entry.term}/${entry.index}, which is ${known.term}/${entry.index}`)
    }
    if (known === undefined) this.#committed.set(entry.index, { entry, term: replica.status.term })
  }

  #checkVote(message: Message): void {
    if (message.type !== 'vote-response' || !message.granted) return
    const key = `${message.from} in term ${message.term}`
    const before = this.#votes.get(key) ?? message.to
    if (before !== message.to) throw new Error(`${key} voted for ${before} and ${message.to}`)
    this.#votes.set(key, message.to)
  }
}

/** What carries snapshots knows, unlike the core, that they are gone. */
function reportLostSnapshots({ raw }: Replica): void {
  for (const [name, { state }] of raw.status().progress) if (state === 'snapshot') raw.reportSnapshot(name, false)
}

const STEPS = {
  tick: (_world: World, replica: Replica) => replica.raw.tick(),
  timeout: (_world: World, replica: Replica, what: number) => {
    for (let i = what % (2 * ELECTION_TICKS); i >= 0; i--) replica.raw.tick()
  },
  ready: (world: World, replica: Replica) => world.process(replica),
  lazyReady: (world: World, replica: Replica) => world.process(replica, true),
  deliver: (world: World, _replica: Replica, what: number) => world.deliver(world.take(what)),
  /** Quick progress: whole rounds, but only between some of the replicas. */
  exchange: (world: World, replica: Replica, what: number) => {
    const isIn = (name: VoterId) => name === replica.id || (what & (1 << NAMES.indexOf(name))) > 0
    for (let round = 0; round < 4; round++) {
      for (const each of world.replicas) if (isIn(each.id)) world.process(each)
      const [inside, outside] = [true, false].map((wanted) =>
        world.messages.filter((each) => (isIn(each.from) && isIn(each.to)) === wanted),
      )
      world.messages = outside ?? []
      for (const message of inside ?? []) world.deliver(message)
    }
  },
  drop: (world: World, _replica: Replica, what: number) => void world.take(what),
  duplicate: (world: World, _replica: Replica, what: number) => {
    world.deliver(world.messages[what % Math.max(1, world.messages.length)])
  },
  crash: (world: World, replica: Replica) => world.crash(replica),
  propose: (world: World, replica: Replica) => world.propose(replica),
  read: (world: World, replica: Replica) => world.read(replica),
  change: ({ changes }: World, { raw }: Replica, what: number) => {
    const pick = (offset: number) => changes[(what + offset) % changes.length] as string
    const words = what % 3 === 0 ? [pick(0), pick(5)] : [pick(0)]
    raw.proposeConfigChange(change(what % 2 === 0 ? 'auto' : 'implicit', ...words))
  },
  transfer: (_world: World, { raw }: Replica, what: number) => void raw.transferLeader(id(NAMES.charAt(what % 5))),
  campaign: (_world: World, { raw }: Replica, what: number) => void raw.campaign({ transfer: what % 2 === 0 }),
  compact: (_world: World, replica: Replica) => {
    if (replica.appliedIndex > 1) replica.compact()
  },
  unreachable: (_world: World, { raw }: Replica, what: number) =>
    raw.reportUnreachable(id(NAMES.charAt(what % NAMES.length))),
  snapshotFailed: (_world: World, { raw }: Replica, what: number) =>
    raw.reportSnapshot(id(NAMES.charAt(what % NAMES.length)), what % 2 === 0),
}

export const STEP_KINDS = Object.keys(STEPS) as StepKind[]
