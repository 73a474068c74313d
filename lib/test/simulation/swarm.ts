import { LegionError } from '../../src/base/errors.js'
import { pick, type RandomStream, randomInt, shuffled } from '../../src/base/random.js'
import { createSimulation, type SimulatedPeer, type Simulation } from '../../src/testing/simulation.js'
import { type Ledger, ledger } from './ledger.js'

/** One command or read as its caller saw it; what the checker and the accounting look at. */
export interface Operation {
  readonly process: number
  readonly kind: 'append' | 'read'
  readonly key: string
  readonly item: string
  readonly invokedAt: number
  returnedAt: number | undefined
  /** Of an append: the length it returned; of a read: the list. Undefined: the outcome is unknown. */
  output: number | readonly string[] | undefined
  /** The error said that it was certainly not applied. */
  notApplied: boolean
}

export interface SwarmResult {
  readonly hash: number
  readonly operations: readonly Operation[]
  /** Per living peer. */
  readonly lists: readonly Readonly<Record<string, readonly string[]>>[]
  readonly texts: readonly string[]
  readonly draws: readonly number[]
  readonly faults: readonly string[]
}

type Peer = SimulatedPeer<Ledger>

const KEYS = ['a', 'b', 'c']
const PEERS = 5
const FAULTS = ['partition', 'one-way', 'cut', 'crash', 'close', 'server', 'slow', 'hide'] as const
type Fault = (typeof FAULTS)[number]

/**
 * One run of the whole library under faults: five peers, each with a user that changes documents and applies commands,
 * while a seeded part of all kinds of faults happens; then everything heals and must be as if nothing had.
 */
export class Swarm {
  readonly #simulation: Simulation
  readonly #random: RandomStream
  readonly #enabled: readonly Fault[]
  readonly #operations: Operation[] = []
  readonly #faults: string[] = []
  readonly #peers: Peer[] = []
  #items = 0

  constructor(seed: number) {
    this.#simulation = createSimulation({ seed })
    this.#random = this.#simulation.random
    // Each seed first draws which faults exist: combinations that are rare otherwise become common.
    this.#enabled = shuffled(this.#random, FAULTS).slice(0, 1 + randomInt(this.#random, FAULTS.length))
  }

  async run(rounds: number): Promise<SwarmResult> {
    const simulation = this.#simulation
    this.#peers.push(...(await simulation.peers<Ledger>(PEERS, { machine: ledger })))
    for (let round = 0; round < rounds; round++) {
      if (this.#random() < 0.3) this.#disturb()
      this.#act()
      await simulation.run(randomInt(this.#random, 600))
    }
    await this.#healed()
    return this.#result()
  }

  get #alive(): Peer[] {
    return this.#peers.filter((peer) => peer.isAlive)
  }

  // --- what users do

  #act(): void {
    for (const peer of this.#alive) {
      const roll = this.#random()
      if (roll < 0.35) this.#append(peer)
      else if (roll < 0.5) this.#read(peer)
      else if (roll < 0.7) this.#type(peer)
      else if (roll < 0.75) this.#ignore(peer.legion.applyConsistent('draw', { item: 'x' }))
      else if (roll < 0.78) this.#ignore(peer.legion.applyConsistent('refuse', { item: 'x' }))
    }
  }

  #append(peer: Peer): void {
    const operation = this.#begin(peer, 'append', pick(this.#random, KEYS))
    const { key, item } = operation
    this.#finish(operation, peer.legion.applyConsistent('append', { key, item }, { timeoutMs: 4000 }))
  }

  #read(peer: Peer): void {
    const operation = this.#begin(peer, 'read', pick(this.#random, KEYS))
    this.#finish(operation, peer.legion.read('list', operation.key, { timeoutMs: 4000 }))
  }

  #type(peer: Peer): void {
    const at = this.#random()
    peer.legion.applyFast((doc) => {
      const text = doc.getText('notes')
      text.insert(Math.floor(at * (text.length + 1)), `${this.#items++} `)
    })
  }

  #begin(peer: Peer, kind: Operation['kind'], key: string): Operation {
    const operation: Operation = {
      process: this.#peers.indexOf(peer),
      kind,
      key,
      item: `i${this.#items++}`,
      invokedAt: this.#simulation.clock.nowMs,
      returnedAt: undefined,
      output: undefined,
      notApplied: false,
    }
    this.#operations.push(operation)
    return operation
  }

  #finish(operation: Operation, promise: Promise<number | readonly string[]>): void {
    promise.then(
      (output) => {
        operation.output = output
        operation.returnedAt = this.#simulation.clock.nowMs
      },
      (error: unknown) => {
        if (!LegionError.is(error)) throw error
        operation.notApplied = error.outcome === 'not-applied'
      },
    )
  }

  #ignore(promise: Promise<unknown>): void {
    promise.catch((error: unknown) => {
      if (!LegionError.is(error)) throw error
    })
  }

  // --- what happens to them

  #disturb(): void {
    const fault = pick(this.#random, this.#enabled)
    this.#faults.push(`${Math.round(this.#simulation.clock.nowMs)} ${fault}`)
    this.#inject(fault)
  }

  #inject(fault: Fault): void {
    const { network } = this.#simulation
    const [one, other] = shuffled(this.#random, this.#alive)
    if (one === undefined || other === undefined) return
    if (fault === 'partition') this.#split(1 + randomInt(this.#random, 2))
    else if (fault === 'one-way')
      this.#later(
        () => network.heal(),
        () => network.block([one.id], [other.id]),
      )
    else if (fault === 'cut') network.cut(one.id, other.id)
    else if (fault === 'crash') this.#replace((peer) => peer.crash())
    else if (fault === 'close') this.#replace((peer) => peer.closePage())
    else if (fault === 'server')
      this.#later(
        () => network.server.up(),
        () => network.server.down(),
      )
    else if (fault === 'slow')
      this.#later(
        () => network.setConditions({ latencyMs: [1, 20] }),
        () => network.setConditions({ latencyMs: [50, 400] }),
      )
    else one.setVisible(this.#random() < 0.5)
  }

  #split(smaller: number): void {
    const ids = shuffled(this.#random, this.#alive).map((peer) => peer.id)
    const { network } = this.#simulation
    this.#later(
      () => network.heal(),
      () => network.partition(ids.slice(0, smaller), ids.slice(smaller)),
    )
  }

  #later(end: () => void, begin: () => void): void {
    begin()
    this.#simulation.clock.setTimer(500 + this.#random() * 8000, end)
  }

  /** Ends a peer and opens a new one, unless that might take away the quorum for good: nobody has storage here. */
  #replace(end: (peer: Peer) => void): void {
    const victim = pick(this.#random, this.#alive)
    if (!this.#canSpare(victim)) return
    end(victim)
    this.#peers.push(this.#simulation.open<Ledger>({ machine: ledger }))
  }

  /** By everyone's view of the configuration: a majority of its voters stays, each half of a joint one for itself. */
  #canSpare(victim: Peer): boolean {
    const left = new Set(this.#alive.filter((peer) => peer !== victim).map((peer) => peer.id))
    return this.#alive.every(({ legion }) => {
      const configuration = legion.status().main?.configuration
      if (configuration === undefined) return true
      return [configuration.voters, configuration.votersOutgoing].every((half) => {
        const remaining = half.filter((id) => left.has(id.slice(0, id.lastIndexOf('.')) as Peer['id']))
        return half.length === 0 || remaining.length > half.length / 2
      })
    })
  }

  // --- the end

  /** What to look at when the peers do not come to agree. */
  describe(): string {
    const lines = this.#alive.map((peer) => {
      const { isReady, main, leader, mesh } = peer.legion.status()
      const roles = main && `${main.role} term ${main.term} applied ${main.applied} of ${main.lastIndex}`
      const configuration = main && JSON.stringify(main.configuration)
      const links = Object.entries(mesh.peers).map(([id, { state }]) => `${id.slice(0, 4)}:${state}`)
      const text = peer.legion.doc().y.getText('notes').length
      return `${peer.id} ready ${isReady} ${roles} leader ${leader} ${configuration} notes ${text} ${links.join(' ')}`
    })
    return [...this.#faults, ...lines].join('\n')
  }

  async #healed(): Promise<void> {
    const { network } = this.#simulation
    network.heal()
    network.server.up()
    network.setConditions({ latencyMs: [1, 20] })
    await this.#simulation.run(10_000) // commands under way come to their end
    network.heal()
    network.server.up()
    network.setConditions({ latencyMs: [1, 20] })
    await this.#simulation.settle(() => this.#agree(), 60_000)
  }

  #agree(): boolean {
    const alive = this.#alive
    if (!alive.every(({ legion }) => legion.status().isReady)) return false
    const marks = alive.map(({ legion }) => `${legion.status().main?.applied} ${legion.doc().y.getText('notes')}`)
    return new Set(marks).size === 1
  }

  #result(): SwarmResult {
    const legions = this.#alive.map(({ legion }) => legion)
    return {
      hash: this.#simulation.hash,
      operations: this.#operations,
      lists: legions.map(({ state }) => state.lists),
      draws: legions.map(({ state }) => state.draws),
      texts: legions.map((legion) => legion.doc().y.getText('notes').toString()),
      faults: this.#faults,
    }
  }
}
