import { mkdirSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSignalingServer, type SignalingServer } from 'legion-signaling'
import { ChaosPeer } from './chaos-peer.js'
import { drawStep, type Fault } from './faults.js'
import type { JournalContent } from './journal.js'
import { machineMicros } from './machine-clock.js'
import { between, type Random, seededRandom, shuffled } from './random.js'
import type { StateReport } from './worker.js'

export interface ChaosOptions {
  /** Decides what happens to whom and what the clients do; when it happens is the machine's. */
  readonly seed: number
  /** How long there are faults. */
  readonly durationMs: number
  readonly peers: number
  /** Of each peer. */
  readonly clients: number
  /** Who is held up at a time: fewer than half, or everybody at once, which only durable storage survives. */
  readonly victims: 'minority' | 'everybody'
  readonly storage: 'memory' | 'leveldb'
  /** For the journals, what the peers print, and what they store. Emptied first. */
  readonly directory: string
  /** Hears what happens. */
  readonly log: (line: string) => void
}

/** What is to be judged. */
export interface Evidence {
  readonly journals: readonly JournalContent[]
  /** By the name of the peer, after all of it. */
  readonly states: ReadonlyMap<string, StateReport>
  /** Whatever went wrong on the way. */
  readonly problems: readonly string[]
  readonly kills: number
  readonly pauses: number
  /** Microseconds of the machine's clock: everybody was there, and the load ended. */
  readonly startedAt: number
  readonly stoppedAt: number
}

/** Everybody must be back within this time, whatever happened. */
const RECOVERY_TIMEOUT_MS = 60_000
const AGREEMENT_TIMEOUT_MS = 20_000
const POLL_MS = 200
const CALM_MS = 2_000
const ALL_GONE_MS_MAX = 1_000
const BETWEEN_MASSACRES_MS = [3_000, 8_000] as const

/** Runs a cluster of processes under load, does harm to it for a time, and lets it recover. */
export async function runChaos(options: ChaosOptions): Promise<Evidence> {
  rmSync(options.directory, { recursive: true, force: true })
  mkdirSync(options.directory, { recursive: true })
  const server = createSignalingServer({ warmupMs: 0 })
  await server.listen(0, '127.0.0.1')
  const run = new ChaosRun(options, server)
  try {
    return await run.run()
  } finally {
    await run.end()
    await server.close()
  }
}

class ChaosRun {
  readonly #options: ChaosOptions
  readonly #random: Random
  readonly #peers: readonly ChaosPeer[]
  readonly #problems: string[] = []
  readonly #disturbed = new Map<ChaosPeer, Promise<void>>()
  #changed: () => void = () => {}
  #kills = 0
  #pauses = 0

  constructor(options: ChaosOptions, server: SignalingServer) {
    this.#options = options
    this.#random = seededRandom(options.seed)
    this.#peers = Array.from({ length: options.peers }, (_, i) => this.#createPeer(i + 1, server.url ?? ''))
  }

  async run(): Promise<Evidence> {
    for (const peer of this.#peers) peer.start()
    await this.#until('all peers are voters', () => this.#isWhole())
    const startedAt = machineMicros()
    this.#log('all are voters')
    await this.#disturb(startedAt + this.#options.durationMs * 1000)
    await this.#until('all peers are back', () => this.#peers.every(({ isUp }) => isUp))
    await sleep(CALM_MS)
    const stoppedAt = machineMicros()
    const states = this.#hasFailed ? new Map<string, StateReport>() : await this.#settle()
    const { kills, pauses, problems } = { kills: this.#kills, pauses: this.#pauses, problems: this.#problems }
    const journals = this.#peers.flatMap((peer) => peer.readJournals())
    return { journals, states, problems, kills, pauses, startedAt, stoppedAt }
  }

  async end(): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer.kill()))
  }

  #createPeer(number: number, signaling: string): ChaosPeer {
    const { directory, storage, seed, clients, peers } = this.#options
    const name = `peer${number}`
    return new ChaosPeer({
      name,
      cluster: `chaos-${seed}`,
      signaling,
      voters: peers % 2 === 0 ? peers - 1 : peers,
      seed: seed * 100 + number,
      clients,
      directory: storage === 'memory' ? undefined : `${directory}/${name}`,
      records: directory,
      onProblem: (problem) => this.#problem(problem),
      onChange: () => this.#changed(),
    })
  }

  // --- harm

  async #disturb(untilMicros: number): Promise<void> {
    while (machineMicros() < untilMicros && !this.#hasFailed) {
      if (this.#options.victims === 'everybody') await this.#killEverybody()
      else await this.#takeStep()
    }
    await Promise.all(this.#disturbed.values())
  }

  async #killEverybody(): Promise<void> {
    await sleep(between(this.#random, ...BETWEEN_MASSACRES_MS))
    this.#log('kill everybody')
    await Promise.all(this.#peers.map((peer) => this.#kill(peer)))
    for (const peer of shuffled(this.#random, this.#peers)) {
      await sleep(between(this.#random, 0, ALL_GONE_MS_MAX / this.#peers.length))
      peer.start()
    }
    await this.#until('all peers are back', () => this.#peers.every(({ isUp }) => isUp))
  }

  /** In memory the dead must be replaced first: whoever was killed is a voter that never comes back. */
  async #takeStep(): Promise<void> {
    if (this.#options.storage === 'memory') {
      await Promise.all(this.#disturbed.values())
      await this.#until('all peers are voters again', () => this.#isWhole())
    }
    const room = Math.floor((this.#peers.length - 1) / 2) - this.#disturbed.size
    const step = drawStep(this.#random, this.#well().length, Math.max(1, room))
    await sleep(step.waitMs)
    if (room < 1) return
    const well = this.#well()
    const victims = step.victims.flatMap((place) => well[place] ?? [])
    const leader = well.find(({ id }) => id === well[0]?.leader)
    if (step.hitsLeader && leader !== undefined && !victims.includes(leader)) victims[0] = leader
    for (const [i, victim] of victims.entries()) this.#hit(victim, step.faults[i] as Fault)
  }

  #hit(victim: ChaosPeer, fault: Fault): void {
    const healed = this.#suffer(victim, fault).finally(() => this.#disturbed.delete(victim))
    this.#disturbed.set(victim, healed)
  }

  async #suffer(victim: ChaosPeer, { kind, pausedMs, goneMs }: Fault): Promise<void> {
    this.#log(`${kind} ${victim.name}`)
    if (kind !== 'kill') {
      this.#pauses++
      victim.pause()
      await sleep(pausedMs)
    }
    if (kind === 'pause') {
      victim.resume()
    } else {
      await this.#kill(victim)
      await sleep(goneMs)
      victim.start()
    }
    await this.#until(`${victim.name} is back`, () => victim.isUp)
    this.#log(`${victim.name} is back`)
  }

  async #kill(peer: ChaosPeer): Promise<void> {
    this.#kills++
    await peer.kill()
  }

  // --- looking

  /** Up and not about to be disturbed. */
  #well(): ChaosPeer[] {
    return this.#peers.filter((peer) => peer.isUp && !this.#disturbed.has(peer))
  }

  /** As many vote as may, none of them dead, and everybody knows. */
  #isWhole(): boolean {
    const ids = this.#peers.map(({ id }) => id)
    const votersMax = this.#peers.length % 2 === 0 ? this.#peers.length - 1 : this.#peers.length
    return this.#peers.every(
      ({ isUp, voters }) => isUp && voters.length === votersMax && voters.every((voter) => ids.includes(voter)),
    )
  }

  /** Waits for it; a problem if it takes too long or cannot be any more. */
  async #until(what: string, condition: () => boolean): Promise<void> {
    const deadline = machineMicros() + RECOVERY_TIMEOUT_MS * 1000
    while (!condition() && !this.#hasFailed) {
      if (machineMicros() > deadline) this.#problem(`after ${RECOVERY_TIMEOUT_MS / 1000} s it is not true that ${what}`)
      else await this.#change()
    }
  }

  #change(): Promise<unknown> {
    return Promise.race([sleep(POLL_MS), new Promise<void>((resolve) => (this.#changed = resolve))])
  }

  get #hasFailed(): boolean {
    return this.#problems.length > 0
  }

  // --- the end

  /** Ends the load, and asks for the states until they are equal: what is still under way may come. */
  async #settle(): Promise<Map<string, StateReport>> {
    this.#log('all are back; the load ends')
    await Promise.all(this.#peers.map((peer) => peer.stop()))
    const deadline = machineMicros() + AGREEMENT_TIMEOUT_MS * 1000
    for (;;) {
      const states = new Map<string, StateReport>()
      for (const peer of this.#peers) states.set(peer.name, await peer.state())
      const hashes = new Set([...states.values()].map(({ hash }) => hash))
      if (hashes.size === 1 || machineMicros() > deadline) return states
      await sleep(POLL_MS)
    }
  }

  #problem(problem: string): void {
    this.#problems.push(problem)
    this.#log(problem)
    this.#changed()
  }

  #log(line: string): void {
    this.#options.log(line)
  }
}
