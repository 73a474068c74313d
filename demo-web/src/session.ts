import {
  Legion,
  type LegionDocument,
  type LegionError,
  type LegionStatus,
  type PeerId,
  type PeerInfo,
} from 'legion-mesh'
import { type Activity, ActivityLog } from './activity.js'
import { type Holder, holdersOf, type Names, nameOf } from './holders.js'
import { colourOf } from './identity.js'
import { type Person, peopleOf } from './people.js'
import { type Problem, problemOf } from './problem.js'
import { type SeatChange, type Seats, seatChanges } from './seat-changes.js'
import type { Settings } from './settings.js'
import { theatre } from './theatre.js'

/** Everything the page shows, as one value; a new one whenever something changed. */
export interface SessionState {
  readonly phase: Phase
  readonly self: PeerInfo
  readonly signaling: LegionStatus['mesh']['rendezvous']
  readonly signalingProblem: string | undefined
  readonly notesStatus: LegionDocument['status']
  readonly people: readonly Person[]
  /** Who holds each taken seat; undefined until the state is here. */
  readonly holders: ReadonlyMap<string, Holder> | undefined
  /** Seats with a command of this tab under way. */
  readonly pending: ReadonlySet<string>
  readonly notice: Notice | undefined
  readonly activity: readonly Activity[]
  readonly failure: Problem | undefined
  /** The others run newer code: this tab's commands are refused. */
  readonly outdated: Problem | undefined
}

/**
 * - `connecting`: nobody found yet
 * - `joining`: others are there, the state is not here yet
 * - `ready`: the state is here and somebody leads
 * - `no-quorum`: the state is here, nobody leads
 * - `outdated`: the others run newer code; everything but the seats goes on
 * - `failed`: the cluster refused this tab, or its replica stopped
 */
export type Phase = 'connecting' | 'joining' | 'ready' | 'no-quorum' | 'outdated' | 'failed'

/** What came of the last thing this tab did. */
export interface Notice {
  readonly tone: 'good' | 'lost' | 'problem'
  readonly text: string
  readonly code?: string | undefined
}

const POLL_MS = 1000

/** One peer of the theatre: what it knows as one `state`, what a person can do as methods. */
export class Session {
  readonly document: LegionDocument
  readonly #legion: Legion<typeof theatre>
  readonly #poll: ReturnType<typeof setInterval>
  readonly #listeners = new Set<() => void>()
  readonly #log = new ActivityLog()
  readonly #openedAt = performance.now()
  #state: SessionState
  #pending: ReadonlySet<string> = new Set()
  #notice: Notice | undefined
  #failure: Problem | undefined
  #outdated: Problem | undefined
  #seats: Seats | undefined
  #leaderlessSince: number | undefined
  #isClosed = false

  /** @throws LegionError if the settings or the browser will not do */
  constructor({ cluster, signaling, secret, isKept }: Settings, name: string) {
    const storage = isKept ? 'indexeddb' : 'memory'
    this.#legion = Legion.open({ cluster, signaling, secret, storage, name, machine: theatre, logger: console })
    this.document = this.#legion.doc()
    this.document.awareness.setLocalStateField('user', {
      name,
      color: colourOf(name),
      colorLight: colourOf(name, 0.2),
    })
    this.#state = this.#readState()
    this.#subscribeAll()
    this.#poll = setInterval(() => this.#evaluate(), POLL_MS) // round trips and signaling have no events
  }

  get state(): SessionState {
    return this.#state
  }

  /** Calls `listener` after every change of `state`; returns what ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when another session can have what this one kept. */
  close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#poll)
    this.#listeners.clear()
    return this.#legion.close()
  }

  /** Reserves a free seat, gives back one's own, frees those of a holder who left; others' stay theirs. */
  choose(seat: string): void {
    if (this.#pending.has(seat)) return
    const holder = this.#state.holders?.get(seat)
    if (holder === undefined) this.#run(seat, () => this.#reserve(seat))
    else if (holder.isSelf) this.#run(seat, () => this.#release(seat))
    else if (holder.isGone) this.#run(seat, () => this.#vacate(holder))
    else this.#tell({ tone: 'lost', text: `${seat} is taken by ${holder.name}.` })
  }

  // --- commands

  async #reserve(seat: string): Promise<Notice> {
    const { id, name } = this.#legion.self
    if (this.#legion.state.names[id] !== name) this.#introduce()
    const { value: result, latencyMs } = await timed(this.#legion.applyConsistent('reserve', seat))
    if (result.ok) return this.#done(`You reserved ${seat}`, latencyMs)
    const text = `${seat} went to ${this.#nameOf(result.holder)} a moment earlier`
    this.#log.add('seat', text, latencyMs)
    return { tone: 'lost', text: `${text}.` }
  }

  async #release(seat: string): Promise<Notice> {
    const { latencyMs } = await timed(this.#legion.applyConsistent('release', seat))
    return this.#done(`You gave back ${seat}`, latencyMs)
  }

  async #vacate({ peer, name }: Holder): Promise<Notice> {
    const { value: count, latencyMs } = await timed(this.#legion.applyConsistent('vacate', peer))
    const freed = count === 1 ? 'the seat' : `${count} seats`
    if (count > 0) return this.#done(`You freed ${freed} of ${name}, who left`, latencyMs)
    return { tone: 'lost', text: `Somebody freed the seats of ${name} a moment earlier.` }
  }

  /** Only so that the name outlives the tab: a failure shows in the command that follows. */
  #introduce(): void {
    this.#legion.applyConsistent('introduce', this.#legion.self.name).catch(() => {})
  }

  #done(text: string, latencyMs: number): Notice {
    this.#log.add('seat', text, latencyMs)
    return { tone: 'good', text: `${text}.` }
  }

  async #run(seat: string, command: () => Promise<Notice>): Promise<void> {
    this.#pending = new Set([...this.#pending, seat])
    this.#evaluate()
    try {
      this.#notice = await command()
    } catch (error) {
      const { code, sentence } = problemOf(error)
      this.#notice = { tone: 'problem', text: sentence, code }
      this.#log.add('problem', `${seat}: ${code ?? 'error'}`)
    }
    this.#pending = new Set([...this.#pending].filter((other) => other !== seat))
    this.#evaluate()
  }

  #tell(notice: Notice): void {
    this.#notice = notice
    this.#evaluate()
  }

  // --- events

  #subscribeAll(): void {
    const legion = this.#legion
    legion.ready.then(
      () => this.#happened('people', 'You joined the cluster', performance.now() - this.#openedAt),
      (error) => this.#failed(error),
    )
    legion.on('peerJoined', ({ name }) => this.#happened('people', `Linked with ${name}`))
    legion.on('peerLeft', (peer, reason) => {
      this.#happened('people', `${this.#nameOf(peer)} ${reason === 'goodbye' ? 'left' : 'is out of reach'}`)
    })
    legion.on('leader', (peer) => this.#leaderChanged(peer))
    legion.on('members', () => this.#evaluate())
    legion.on('self', () => this.#evaluate())
    legion.on('outdated', (error) => this.#becameOutdated(error))
    legion.on('error', (error) => this.#troubled(error))
    legion.subscribe(
      ({ seats }) => seats,
      (seats) => this.#seatsChanged(seats),
    )
    this.document.on('status', () => this.#evaluate())
    this.document.on('update', (_, from) => {
      if (from !== undefined) return
      this.#log.addOnce('notes', 'You edited the notes', 0)
      this.#evaluate()
    })
  }

  #happened(kind: Activity['kind'], text: string, latencyMs?: number): void {
    this.#log.add(kind, text, latencyMs)
    this.#evaluate()
  }

  #leaderChanged(peer: PeerId | undefined): void {
    const now = performance.now()
    if (peer === undefined) {
      this.#leaderlessSince = now
      this.#happened('leader', 'No leader is known')
      return
    }
    const latencyMs = this.#leaderlessSince === undefined ? undefined : now - this.#leaderlessSince
    this.#leaderlessSince = undefined
    this.#happened(
      'leader',
      `${peer === this.#legion.self.id ? 'You lead' : `${this.#nameOf(peer)} leads`} now`,
      latencyMs,
    )
  }

  /** One's own commands are told, with their latency, when they settle; those that failed may come late. */
  #seatsChanged(seats: Seats): void {
    const changes = seatChanges(this.#seats ?? seats, seats).filter(({ seat }) => !this.#pending.has(seat))
    this.#seats = seats
    for (const change of changes) this.#seatChanged(change)
    this.#evaluate()
  }

  #seatChanged({ seat, after }: SeatChange): void {
    if (after === this.#legion.self.id) {
      this.#notice = { tone: 'good', text: `${seat} is yours after all.` }
      this.#log.add('seat', `${seat} is yours after all`)
    } else {
      this.#log.add('seat', after === undefined ? `${seat} is free again` : `${this.#nameOf(after)} reserved ${seat}`)
    }
  }

  /** A peer of an incompatible version stays outside; anything else that is reported ends this replica. */
  #troubled(error: LegionError): void {
    if (error.code !== 'E_VERSION') this.#failed(error)
    else this.#tell({ tone: 'problem', text: error.message, code: error.code })
  }

  #becameOutdated(error: LegionError): void {
    this.#outdated = problemOf(error)
    this.#happened('problem', 'The others run newer code than this tab')
  }

  /** The first problem counts: others follow from it. */
  #failed(error: unknown): void {
    if (this.#isClosed || this.#failure !== undefined) return
    this.#failure = problemOf(error)
    this.#log.add('problem', this.#failure.sentence)
    this.#evaluate()
  }

  // --- state

  #evaluate(): void {
    if (this.#isClosed) return
    this.#state = this.#readState()
    for (const listener of [...this.#listeners]) listener()
  }

  #readState(): SessionState {
    const { mesh } = this.#legion.status()
    return {
      phase: this.#phase(),
      self: this.#legion.self,
      signaling: mesh.rendezvous,
      signalingProblem: mesh.problem,
      notesStatus: this.document.status,
      people: peopleOf(this.#legion),
      holders: this.#seats && holdersOf(this.#seats, this.#names(), this.#legion),
      pending: this.#pending,
      notice: this.#notice,
      activity: this.#log.entries,
      failure: this.#failure,
      outdated: this.#outdated,
    }
  }

  #nameOf(peer: string): string {
    return nameOf(peer, this.#names(), this.#legion)
  }

  #names(): Names {
    return this.#seats === undefined ? {} : this.#legion.state.names
  }

  #phase(): Phase {
    const { isReady, leader, mesh } = this.#legion.status()
    if (this.#failure !== undefined) return 'failed'
    if (this.#outdated !== undefined) return 'outdated'
    if (isReady) return leader === undefined ? 'no-quorum' : 'ready'
    return mesh.rendezvous === 'joined' || this.#legion.peers.size > 0 ? 'joining' : 'connecting'
  }
}

async function timed<T>(work: Promise<T>): Promise<{ value: T; latencyMs: number }> {
  const startedAt = performance.now()
  const value = await work
  return { value, latencyMs: performance.now() - startedAt }
}
