import { pick, type RandomStream, randomInt, seededRandom, shuffled } from '../../base/random.js'
import type { Message } from '../../raft/messages.js'
import type { Configuration, VoterId } from '../../raft/types.js'
import { Disasters } from './disasters.js'
import { heal } from './heal.js'
import { membersOf } from './quorums.js'
import type { SimulatedReplica } from './replica.js'
import type { Step } from './steps.js'
import { rule } from './violation.js'
import { drawComingAndGoing, drawWeather, type Weather } from './weather.js'
import { drawChange, mendingChange } from './wishes.js'
import { World } from './world.js'

export interface SimulationResult {
  /** Ticks, deliveries, writes, requests and faults, without those of the healing. */
  readonly events: number
  /** The time of one tick each. */
  readonly rounds: number
  readonly committed: number
  /** How many votes were adopted. */
  readonly adopted: number
  /** A quorum was left in the end, and it agreed. */
  readonly recovered: boolean
}

export interface SimulationOptions {
  /** Replicas end for good, and others come. */
  readonly goodbyes?: boolean | undefined
}

/** Something that is going to happen. */
type Errand =
  | { readonly kind: 'deliver' | 'drop' | 'duplicate'; readonly message: Message }
  | { readonly kind: 'sync'; readonly replica: SimulatedReplica }

/** Longer than any delay. */
const AGENDA_ROUNDS = 64
/** What a cluster can have to do in the time of one tick, if it does not talk in circles. */
const ERRANDS_MAX = 200_000
const REPORT_ROUNDS = 25
const RELEASE_CHANCE = 0.5

/** One run of a cluster of cores under the weather of one seed. */
export class Simulator {
  readonly weather: Weather
  readonly world: World
  /** Called before each step. */
  onStep: (step: Step) => void = () => {}
  readonly #random: RandomStream
  readonly #replicas: readonly SimulatedReplica[]
  readonly #disasters: Disasters
  readonly #agenda: Errand[][] = Array.from({ length: AGENDA_ROUNDS }, () => [])
  /** Of messages without reordering: no later one overtakes. */
  readonly #lastDue = new Map<string, number>()
  readonly #clocks: number[]
  #round = 0
  #events = 0

  constructor(seed: number, options: SimulationOptions = {}) {
    this.weather = options.goodbyes === true ? drawComingAndGoing(seed) : drawWeather(seed)
    this.world = new World(this.weather.setup)
    this.world.onSent = (message) => this.#post(message)
    this.#random = seededRandom(seed, 2)
    this.#replicas = [...this.world.replicas.values()]
    this.#clocks = this.#replicas.map(() => 0)
    this.#disasters = new Disasters(this.#random, this.weather, this.world, (step) => this.#step(step))
  }

  /** @throws Violation or InvariantError */
  run(): SimulationResult {
    for (; this.#round < this.weather.rounds; this.#round++) this.#playRound()
    const recovered = this.heal()
    const { canon, voices } = this.world.referee
    return { events: this.#events, rounds: this.#round, committed: canon.lastIndex, adopted: voices.adopted, recovered }
  }

  heal(): boolean {
    this.world.onSent = () => {}
    return heal(this.world)
  }

  #step(step: Step): boolean {
    this.#events++
    this.onStep(step)
    return this.world.step(step)
  }

  #playRound(): void {
    this.#disasters.play(this.#round)
    this.#tick()
    this.#request()
    if (this.#round % REPORT_ROUNDS === 0) this.#reportSnapshots()
    for (const replica of this.#replicas) this.#attend(replica)
    this.#runErrands()
    this.#releaseCommits()
  }

  #tick(): void {
    this.#replicas.forEach((replica, i) => {
      if (!replica.isUp || this.#disasters.isPaused(replica.id)) return
      let clock = (this.#clocks[i] as number) + (this.weather.rates[i] as number)
      for (; clock >= 1; clock--) this.#step({ verb: 'tick', who: replica.id })
      this.#clocks[i] = clock
    })
  }

  #request(): void {
    const { load } = this.weather
    if (this.#chance(load.propose)) {
      const who = this.#chance(0.5) ? this.#someone() : this.#leaderOrSomeone()
      this.#step({ verb: 'propose', who, count: 1 + randomInt(this.#random, 3) })
    }
    if (this.#chance(load.read)) this.#step({ verb: 'read', who: this.#someone() })
    if (this.#chance(load.change)) this.#change(pick(this.#random, this.#replicas))
    if (this.#chance(load.transfer)) this.#step({ verb: 'transfer', who: this.#someone(), peer: this.#someone() })
    if (this.#chance(load.compact)) {
      this.#step({ verb: 'compact', who: this.#someone(), count: randomInt(this.#random, 4) })
    }
    if (this.#chance(load.campaign)) this.#step({ verb: 'campaign', who: this.#someone() })
    if (this.#chance(load.mend)) this.#mend()
    if (this.#chance(load.goodbye)) this.#goodbye()
  }

  #change({ id, configuration }: SimulatedReplica): void {
    const change = drawChange(
      this.#random,
      configuration,
      this.#candidates(configuration),
      (who) => this.world.replicas.get(who)?.isGone === true,
    )
    this.#step({ verb: 'change', who: id, change })
  }

  #mend(): void {
    const who = this.#leaderOrSomeone()
    const { raw } = this.world.replicas.get(who) ?? {}
    if (raw?.status().role !== 'leader') return
    const isThere = (id: VoterId) => this.world.replicas.get(id)?.isUp === true
    const unused = this.#replicas.find(({ id, isUp, ledger }) => isUp && ledger.index === 0 && !'wx'.includes(id))
    const change = mendingChange(raw.status(), isThere, unused?.id)
    if (change !== undefined) this.#step({ verb: 'change', who, change })
  }

  /** Nobody adds who is gone. */
  #candidates(configuration: Configuration): VoterId[] {
    const members = membersOf(configuration)
    return this.#replicas.filter(({ id, isGone }) => !isGone || members.includes(id)).map(({ id }) => id)
  }

  /** At least one stays. Some goodbyes reach all others, some nobody, as a crash of one without storage. */
  #goodbye(): void {
    const there = this.#replicas.filter(({ isUp }) => isUp).map(({ id }) => id)
    const { leader } = this.world.referee
    const first = leader !== undefined && this.#chance(0.4) ? [leader] : []
    const order = [...new Set([...first, ...shuffled(this.#random, there)])]
    const count = Math.min(there.length - 1, pick(this.#random, [1, 1, 1, 2, 3]))
    const everyone = 2 ** this.#replicas.length - 1
    for (const who of order.slice(0, count)) {
      const deaf = pick(this.#random, [0, 0, 0, 0, 0, randomInt(this.#random, everyone), everyone])
      this.#step({ verb: 'goodbye', who, count: deaf })
    }
  }

  /** Some owners are too slow for it: the next heartbeat tells. */
  #releaseCommits(): void {
    for (const { id, raw } of this.#replicas) {
      if (raw?.heldCommit !== undefined && this.#chance(RELEASE_CHANCE)) this.#step({ verb: 'release', who: id })
    }
  }

  /** What carries snapshots knows in the end whether they arrived, or believes so. */
  #reportSnapshots(): void {
    for (const { id, raw } of this.#replicas) {
      if (raw === undefined || !this.world.referee.isLeader(id)) continue
      for (const [peer, { state }] of raw.status().progress) {
        if (state === 'snapshot')
          this.#step({ verb: 'report-snapshot', who: id, peer, count: Number(this.#chance(0.5)) })
      }
    }
  }

  #someone(): VoterId {
    return pick(this.#random, this.#replicas).id
  }

  /** Any of those who say to lead, which may be cut off. */
  #leaderOrSomeone(): VoterId {
    const leaders = this.#replicas.filter(({ id }) => this.world.referee.isLeader(id))
    return leaders.length > 0 ? pick(this.#random, leaders).id : this.#someone()
  }

  #chance(probability: number): boolean {
    return probability > 0 && this.#random() < probability
  }

  // --- messages and writes take their time

  #post(message: Message): void {
    if (this.#chance(this.weather.loss)) {
      this.#due({ kind: 'drop', message }, this.#round)
      return
    }
    this.#due({ kind: 'deliver', message }, this.#arrival(message))
    if (this.#chance(this.weather.duplication)) this.#due({ kind: 'duplicate', message }, this.#round)
  }

  #arrival({ from, to }: Message): number {
    const { delay, maxDelay, reordering } = this.weather
    const due = this.#round + (this.#chance(delay) ? 1 + randomInt(this.#random, maxDelay) : 0)
    if (reordering) return due
    const inOrder = Math.max(due, this.#lastDue.get(from + to) ?? 0)
    this.#lastDue.set(from + to, inOrder)
    return inOrder
  }

  #due(errand: Errand, round: number): void {
    this.#agenda[round % AGENDA_ROUNDS]?.push(errand)
  }

  #runErrands(): void {
    const errands = this.#agenda[this.#round % AGENDA_ROUNDS] as Errand[]
    const postponed: Errand[] = []
    for (let i = 0; i < errands.length; i++) {
      rule(i < ERRANDS_MAX, () => `${i} things happen in one tick`)
      const errand = this.weather.reordering ? takeAny(this.#random, errands, i) : (errands[i] as Errand)
      if (this.#disasters.isPaused(receiver(errand))) postponed.push(errand)
      else this.#run(errand)
      if (i === errands.length - 1) for (const replica of this.#replicas) this.#work(replica)
    }
    errands.length = 0
    for (const errand of postponed) this.#due(errand, this.#round + 1)
  }

  #run(errand: Errand): void {
    if (errand.kind === 'sync') {
      this.#step({ verb: 'sync', who: errand.replica.id })
      this.#attend(errand.replica)
      return
    }
    const { from: who, to: peer } = errand.message
    const count = this.world.links.between(who, peer).indexOf(errand.message)
    if (count < 0) return
    this.#step({ verb: errand.kind, who, peer, count })
    const replica = this.world.replicas.get(peer)
    if (replica !== undefined && errand.kind !== 'drop') this.#attend(replica)
  }

  /** The owner looks for work, now or later. */
  #attend(replica: SimulatedReplica): void {
    if (!this.#chance(this.weather.laziness)) this.#work(replica)
  }

  #work(replica: SimulatedReplica): void {
    const who = replica.id
    while (!replica.isWriting && replica.raw?.hasReady() && !this.#disasters.isPaused(who)) {
      this.#step({ verb: 'write', who })
      if (this.#chance(this.weather.slowDisk)) {
        this.#due({ kind: 'sync', replica }, this.#round + 1 + randomInt(this.#random, 4))
      } else {
        this.#step({ verb: 'sync', who })
      }
    }
  }
}

function receiver(errand: Errand): VoterId {
  return errand.kind === 'sync' ? errand.replica.id : errand.message.to
}

/** One of those from `i` on, brought to place `i`. */
function takeAny(random: RandomStream, errands: Errand[], i: number): Errand {
  const j = i + randomInt(random, errands.length - i)
  const taken = errands[j] as Errand
  errands[j] = errands[i] as Errand
  errands[i] = taken
  return taken
}
