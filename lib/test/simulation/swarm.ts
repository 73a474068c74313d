import { pick, type RandomStream, randomInt, shuffled } from '../../src/base/random.js'
import { StreamHash } from '../../src/codec/hash.js'
import { peerOf } from '../../src/groups/voter-id.js'
import type { Frozen } from '../../src/machines/types.js'
import { createSimulation, type SimulatedPeerOptions, type Simulation } from '../../src/testing/simulation.js'
import { halvesAt, isMajority } from './bookkeeper.js'
import { type Ledger, type LedgerState, ledger } from './ledger.js'
import { type Operation, type Peer, Users } from './users.js'

export interface SwarmResult {
  readonly hash: number
  readonly operations: readonly Operation[]
  /** Per living peer. */
  readonly states: readonly Frozen<LedgerState>[]
  /** Hashes of all that the group replicates. */
  readonly snapshots: readonly string[]
  readonly texts: readonly string[]
  readonly faults: readonly string[]
}

const PEERS = 5
/** A leader gives votes to whom it has heard from within this time. */
const UNNOTICED_MS = 2_000
const FAULTS = ['partition', 'one-way', 'cut', 'crash', 'close', 'blackout', 'server', 'slow', 'hide'] as const
type Fault = (typeof FAULTS)[number]

/** Where peers keep their state, drawn per run. */
const STORAGES = ['memory', 'simulated', 'mixed'] as const
/** Short logs are cut all the time, so that who was away gets a snapshot. */
const LOG_ENTRIES = [5, 30, 10_000]
const DISK_LATENCIES_MS = [
  [0.5, 2],
  [5, 40],
] as const
/** After all is healed, in simulated time. */
const AGREE_WITHIN_MS = 60_000

/**
 * One run of the whole library under faults: five peers, each with a user that changes documents and applies commands,
 * while a seeded part of all kinds of faults happens; then everything heals and must be as if nothing had.
 */
export class Swarm {
  readonly #simulation: Simulation
  readonly #random: RandomStream
  readonly #users: Users
  readonly #enabled: readonly Fault[]
  readonly #storage: (typeof STORAGES)[number]
  readonly #logEntries: number
  readonly #faults: string[] = []
  readonly #peers: Peer[] = []
  readonly #durable = new Set<Peer>()
  /** When the last peer without storage ended. */
  #sparedAtMs = Number.NEGATIVE_INFINITY
  /** Durable peers that have ended and will be started again. */
  readonly #down = new Set<Peer>()

  constructor(seed: number) {
    this.#simulation = createSimulation({ seed })
    this.#random = this.#simulation.random
    this.#users = new Users(this.#simulation)
    // Each seed first draws which faults exist: combinations that are rare otherwise become common.
    this.#enabled = shuffled(this.#random, FAULTS).slice(0, 1 + randomInt(this.#random, FAULTS.length))
    this.#storage = pick(this.#random, STORAGES)
    this.#logEntries = pick(this.#random, LOG_ENTRIES)
  }

  async run(rounds: number): Promise<SwarmResult> {
    const simulation = this.#simulation
    for (let i = 0; i < PEERS; i++) this.#open()
    await simulation.settle(() => this.#alive.every(({ legion }) => legion.status().isReady))
    for (let round = 0; round < rounds; round++) {
      if (this.#random() < 0.3) this.#disturb()
      for (const peer of this.#alive) this.#users.act(peer, this.#durable.has(peer))
      await simulation.run(randomInt(this.#random, 600))
    }
    await this.#heal()
    return this.#result()
  }

  get #alive(): Peer[] {
    return this.#peers.filter((peer) => peer.isAlive)
  }

  // --- peers come and go

  #open(): void {
    const isDurable = this.#storage === 'mixed' ? this.#random() < 0.6 : this.#storage === 'simulated'
    const options: SimulatedPeerOptions<Ledger, unknown> = {
      machine: ledger,
      storage: isDurable ? 'simulated' : 'memory',
      disk: { latencyMs: pick(this.#random, DISK_LATENCIES_MS) },
      limits: { logEntries: this.#logEntries, logMarginEntries: Math.min(1000, this.#logEntries) },
    }
    const peer = this.#simulation.open<Ledger>(options)
    this.#peers.push(peer)
    if (isDurable) this.#durable.add(peer)
  }

  /** Ends a peer. A durable one starts again later; otherwise a new one comes, unless the quorum might be lost for good. */
  #end(victim: Peer, end: (peer: Peer) => void): void {
    if (!this.#isRemembered(victim)) return
    if (this.#durable.has(victim)) {
      end(victim)
      this.#users.crashed(victim)
      this.#down.add(victim)
      this.#simulation.clock.setTimer(100 + this.#random() * 9000, () => this.#restart(victim))
    } else if (this.#canSpare(victim)) {
      end(victim)
      this.#open()
    }
  }

  /** A server that starts anew while nobody of the cluster is there would have it founded again. */
  #isRemembered(victim: Peer): boolean {
    const isSure = !this.#enabled.includes('server')
    return isSure || this.#alive.some((peer) => peer !== victim && peer.legion.status().isReady)
  }

  #restart(peer: Peer): void {
    if (!this.#down.delete(peer)) return
    const again = peer.restart()
    this.#peers.push(again)
    this.#durable.add(again)
  }

  /** By everyone's view of the configuration: a majority of its voters stays, each half of a joint one for itself. */
  #canSpare(victim: Peer): boolean {
    const nowMs = this.#simulation.clock.nowMs
    // A leader may still give a vote to who ended just before, and so may nobody count on it.
    if (nowMs < this.#sparedAtMs + UNNOTICED_MS || !this.#leavesQuorum(victim)) return false
    this.#sparedAtMs = nowMs
    return true
  }

  #leavesQuorum(victim: Peer): boolean {
    const stay = [...this.#alive.filter((peer) => peer !== victim), ...this.#down]
    const left = new Set(stay.map((peer) => peer.id))
    return [victim, ...stay]
      .flatMap(({ legion }) => halvesAt(legion.main))
      .every((half) => isMajority(half, (id) => left.has(peerOf(id))))
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
    else if (fault === 'crash') this.#end(one, (peer) => peer.crash())
    else if (fault === 'close') this.#end(one, (peer) => peer.closePage())
    else if (fault === 'blackout') this.#blackout()
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

  /** The power fails everywhere. */
  #blackout(): void {
    if (!this.#peers.every((peer) => this.#durable.has(peer))) return
    for (const peer of this.#alive) this.#end(peer, () => peer.crash())
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

  // --- the end

  /** What to look at when the peers do not come to agree. */
  describe(): string {
    const lines = this.#alive.map((peer) => {
      const { isReady, main, leader, mesh } = peer.legion.status()
      const roles = main && `${main.role} term ${main.term} applied ${main.applied} of ${main.lastIndex}`
      const configuration = main && JSON.stringify(main.configuration)
      const links = Object.entries(mesh.peers).map(([id, { state }]) => `${id.slice(0, 4)}:${state}`)
      const text = peer.legion.doc().y.getText('notes').length
      const storage = this.#durable.has(peer) ? 'durable' : 'memory'
      const inFlight = `in flight ${main?.inFlight}`
      return `${peer.id} ${storage} ready ${isReady} ${roles} leader ${leader} ${configuration} ${inFlight} notes ${text} ${links.join(' ')}`
    })
    const setting = `${this.#storage} storage, logs of ${this.#logEntries} entries`
    return [setting, ...this.#faults, ...lines].join('\n')
  }

  async #heal(): Promise<void> {
    this.#healNetwork()
    for (const peer of [...this.#down]) this.#restart(peer)
    await this.#simulation.run(10_000) // commands under way come to their end
    this.#healNetwork()
    await this.#simulation.settle(() => this.#agree(), AGREE_WITHIN_MS)
    await this.#simulation.until(Promise.all(this.#alive.map((peer) => this.#users.insist(peer))), 30_000)
    await this.#simulation.settle(() => this.#agree(), AGREE_WITHIN_MS)
  }

  #healNetwork(): void {
    const { network } = this.#simulation
    network.heal()
    network.server.up()
    network.setConditions({ latencyMs: [1, 20] })
  }

  /** Everyone has everything, and nothing is under way. */
  #agree(): boolean {
    const alive = this.#alive
    const statuses = alive.map(({ legion }) => legion.status())
    if (!statuses.every(({ isReady, main }) => isReady && main?.inFlight === 0)) return false
    const marks = alive.map(({ legion }, i) => `${statuses[i]?.main?.applied} ${legion.doc().y.getText('notes')}`)
    return new Set(marks).size === 1
  }

  async #result(): Promise<SwarmResult> {
    const legions = this.#alive.map(({ legion }) => legion)
    const snapshots = await Promise.all(legions.map((legion) => hashOf(legion.main.exportSnapshot())))
    return {
      hash: this.#simulation.hash,
      operations: this.#users.operations,
      states: legions.map(({ state }) => state),
      snapshots,
      texts: legions.map((legion) => legion.doc().y.getText('notes').toString()),
      faults: this.#faults,
    }
  }
}

export async function hashOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = new StreamHash()
  for await (const piece of pieces) hash.update(piece)
  return hash.digest()
}
