import { LegionError } from '../../../src/base/errors.js'
import type { kv } from '../../../src/machines/index.js'
import {
  createSimulation,
  type SimulatedPeer,
  type SimulatedPeerOptions,
  type Simulation,
} from '../../../src/testing/simulation.js'

/** What the peers of a cluster are: tabs of one browser, Node processes without and with a disk. */
export type Kind = 'tabs' | 'node' | 'durable'

export type Peer = SimulatedPeer<typeof kv>

/** What became of the commands, or the reads, of some users. */
interface Outcomes {
  /** Of those that succeeded; undefined if none did. */
  slowestMs: number | undefined
  /** When the last one that succeeded was begun, since the watch began. */
  lastBegunMs: number
  /** Codes of those that failed. */
  readonly errors: Set<string>
}

/** What users of some peers saw while they were watched. */
export interface Seen {
  readonly commands: Outcomes
  readonly reads: Outcomes
  /** The longest until a change was at all peers of its side. */
  documentsMs: number
  /** In the end `peek` answers at every one of them. */
  peeks: boolean
}

/** What a side is watched with. */
interface Watch {
  readonly peers: readonly Peer[]
  readonly seen: Seen
  readonly startMs: number
  readonly timeoutMs: number
}

interface Note {
  readonly key: string
  readonly readers: readonly Peer[]
  readonly writtenAtMs: number
  readonly seen: Seen
}

const STEADY_MS = 3000
const STEP_MS = 20
const PROBE_EVERY_MS = 500
/** That of the library. */
const TIMEOUT_MS = 10_000

const OPTIONS: Record<Kind, SimulatedPeerOptions<typeof kv, unknown>> = {
  tabs: { kind: 'browser', host: 'one' },
  node: {},
  durable: { storage: 'simulated' },
}

/**
 * A cluster and its users: each counts up, reads the count and writes notes into a document, again and again.
 *
 * Throws if an acknowledged command is lost, one is applied twice, or a read is older than what was acknowledged before
 * it.
 */
export class World {
  readonly simulation: Simulation
  readonly peers: Peer[] = []
  readonly kind: Kind
  readonly seen = new Map<string, Seen>()
  #issued = 0
  #acknowledged = 0
  #notes: string[] = []
  #pending: Note[] = []
  readonly #problems: Error[] = []

  constructor(kind: Kind, seed: number) {
    this.kind = kind
    this.simulation = createSimulation({ seed })
  }

  /** Opens peers and runs until the roster is as it will stay. */
  async start(count: number): Promise<void> {
    const { simulation } = this
    this.peers.push(...(await simulation.peers(count, OPTIONS[this.kind])))
    const voters = count - ((count + 1) % 2)
    await simulation.settle(() => this.peers.every((peer) => votersOf(peer) === voters))
    await simulation.run(STEADY_MS)
    await this.watch({ all: this.peers }, 1000)
    this.seen.clear()
  }

  get leader(): Peer {
    const leader = this.peers.find(({ id, legion }) => legion.leader === id)
    if (leader === undefined) throw new Error('nobody leads')
    return leader
  }

  get followers(): Peer[] {
    const { leader } = this
    return this.peers.filter((peer) => peer !== leader)
  }

  except(...gone: readonly Peer[]): Peer[] {
    return this.peers.filter((peer) => !gone.includes(peer))
  }

  /** Its user closes the tab, or ends the process in good order. */
  async close(peer: Peer): Promise<void> {
    if (this.kind === 'tabs') peer.closePage()
    else await peer.legion.close()
  }

  restart(...peers: readonly Peer[]): void {
    for (const peer of peers) this.peers[this.peers.indexOf(peer)] = peer.restart()
  }

  join(): void {
    this.peers.push(this.simulation.open(OPTIONS[this.kind]))
  }

  /** The cluster is gone with all its memory: what comes is a new one. */
  forget(): void {
    this.#issued = 0
    this.#acknowledged = 0
    this.forgetNotes()
  }

  /** Documents are only in memory, so far. */
  forgetNotes(): void {
    this.#notes = []
    this.#pending = []
  }

  /**
   * Lets the users of each side go on for `durationMs`, and until all they began has ended. If they are
   * all on one side, what was written into the document before counts as written now.
   * @param sides by the name under which `seen` has what they saw
   */
  async watch(
    sides: Readonly<Record<string, readonly Peer[]>>,
    durationMs: number,
    timeoutMs = TIMEOUT_MS,
  ): Promise<void> {
    const startMs = this.simulation.clock.nowMs
    const watches = Object.entries(sides).map(([name, peers]): Watch => {
      const seen = newSeen()
      this.seen.set(name, seen)
      return { peers, seen, startMs, timeoutMs }
    })
    const [first, ...others] = watches as [Watch, ...Watch[]]
    if (others.length === 0) for (const key of this.#notes) this.#await(key, first)
    const ended: Promise<void>[] = []
    for (let round = 0; round * PROBE_EVERY_MS < durationMs; round++) {
      for (const watch of watches) ended.push(...this.#probe(watch, round))
      await this.#runTo(startMs + (round + 1) * PROBE_EVERY_MS)
    }
    await this.#finish(Promise.all(ended), timeoutMs)
    for (const { peers, seen } of watches) seen.peeks = peers.every(peeks)
  }

  #probe(watch: Watch, round: number): Promise<void>[] {
    this.#write(watch, watch.peers[round % watch.peers.length] as Peer)
    return watch.peers.flatMap((peer) => [this.#command(peer, watch), this.#read(peer, watch)])
  }

  #write(watch: Watch, writer: Peer): void {
    const key = `note-${this.#notes.length}`
    this.#notes.push(key)
    writer.legion.applyFast((doc) => doc.getMap('notes').set(key, true))
    this.#await(key, watch)
  }

  #await(key: string, { peers: readers, seen }: Watch): void {
    this.#pending.push({ key, readers, writtenAtMs: this.simulation.clock.nowMs, seen })
  }

  #command({ legion }: Peer, watch: Watch): Promise<void> {
    this.#issued++
    return this.#time(watch, watch.seen.commands, async () => {
      const count = await legion.applyConsistent('increment', { key: 'count' }, { timeoutMs: watch.timeoutMs })
      this.#acknowledged = Math.max(this.#acknowledged, count)
      this.#requireCounted(count, 1)
    })
  }

  #read({ legion }: Peer, watch: Watch): Promise<void> {
    const acknowledged = this.#acknowledged
    return this.#time(watch, watch.seen.reads, async () => {
      const count = await legion.read('get', 'count', { timeoutMs: watch.timeoutMs })
      this.#requireCounted(Number(count ?? 0), acknowledged)
    })
  }

  async #time({ startMs }: Watch, outcomes: Outcomes, attempt: () => Promise<void>): Promise<void> {
    const begunMs = this.simulation.clock.nowMs
    try {
      await attempt()
      outcomes.slowestMs = Math.max(outcomes.slowestMs ?? 0, this.simulation.clock.nowMs - begunMs)
      outcomes.lastBegunMs = begunMs - startMs
    } catch (error) {
      outcomes.errors.add(LegionError.is(error) ? error.code : String(error))
    }
  }

  #requireCounted(count: number, atLeast: number): void {
    if (count >= atLeast && count <= this.#issued) return
    this.#problems.push(new Error(`the count is ${count}, not ${atLeast} to ${this.#issued}`))
  }

  async #runTo(timeMs: number): Promise<void> {
    const { clock } = this.simulation
    while (clock.nowMs < timeMs) {
      await clock.run(Math.min(STEP_MS, timeMs - clock.nowMs))
      this.#noteArrivals()
    }
  }

  #noteArrivals(): void {
    this.#pending = this.#pending.filter(({ key, readers, writtenAtMs, seen }) => {
      const isEverywhere = readers.every(({ legion }) => legion.doc().y.getMap('notes').has(key))
      if (isEverywhere) seen.documentsMs = Math.max(seen.documentsMs, this.simulation.clock.nowMs - writtenAtMs)
      return !isEverywhere
    })
  }

  async #finish(settled: Promise<unknown>, timeoutMs: number): Promise<void> {
    let isSettled = false
    settled.then(() => {
      isSettled = true
    })
    const endMs = this.simulation.clock.nowMs + timeoutMs + 1000
    while (!isSettled || this.#pending.length > 0) {
      const { length } = this.#pending
      if (this.simulation.clock.nowMs >= endMs) throw new Error(`unfinished, with ${length} notes not everywhere`)
      await this.#runTo(this.simulation.clock.nowMs + STEP_MS)
    }
    if (this.#problems.length > 0) throw new AggregateError(this.#problems, String(this.#problems[0]))
  }
}

function newSeen(): Seen {
  const outcomes = (): Outcomes => ({ slowestMs: undefined, lastBegunMs: 0, errors: new Set() })
  return { commands: outcomes(), reads: outcomes(), documentsMs: 0, peeks: false }
}

function votersOf({ legion }: Peer): number {
  return legion.members.filter(({ role }) => role === 'voter').length
}

function peeks({ legion }: Peer): boolean {
  if (!legion.status().isReady) return false
  const count = legion.peek('get', 'count')
  return count === undefined || typeof count === 'number'
}
