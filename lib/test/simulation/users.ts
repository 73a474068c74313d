import { LegionError } from '../../src/base/errors.js'
import { pick, type RandomStream, randomInt } from '../../src/base/random.js'
import type { Group } from '../../src/groups/group.js'
import type { ProposeOptions } from '../../src/groups/proposals.js'
import type { SimulatedPeer, Simulation } from '../../src/testing/simulation.js'
import type { Ledger } from './ledger.js'

export type Peer = SimulatedPeer<Ledger>
export type CommandKind = 'append' | 'set' | 'compareAndSet' | 'increment'
export type OperationKind = CommandKind | 'list' | 'cell'
export type Output = number | boolean | readonly string[]

/** What the checker and the accounting look at: one command or read as its caller saw it. */
export interface Operation {
  readonly process: number
  readonly kind: OperationKind
  readonly key: string
  readonly item: string
  readonly value: number
  readonly expected: number
  readonly isPersistent: boolean
  readonly invokedAt: number
  returnedAt: number | undefined
  /** Undefined: the outcome is unknown. */
  output: Output | undefined
  /** The error said that it was certainly not applied. */
  notApplied: boolean
  /** Its promise has settled, in whatever way. */
  isSettled: boolean
  /** It must have been applied by the end: it was on disk when its peer crashed. */
  isOwed: boolean
}

const LISTS = ['a', 'b', 'c']
const CELLS = ['x', 'y']
const TIMEOUT_MS = 4000
/** After so long a persistent command of a peer that was ready is on disk, however slow that is. */
const ON_DISK_AFTER_MS = 2000

/** The users of all peers: they apply commands, read and type, and note what they were told. */
export class Users {
  readonly operations: Operation[] = []
  /** Commands and reads whose callers got an answer. */
  acknowledged = 0
  readonly #simulation: Simulation
  readonly #groupOf: (peer: Peer) => Group<Ledger> | undefined
  readonly #random: RandomStream
  readonly #processes: Peer[] = []
  #items = 0

  /** @param groupOf whose commands and reads it is about; undefined: the peer does not have it yet */
  constructor(simulation: Simulation, groupOf = (peer: Peer): Group<Ledger> | undefined => peer.legion.main) {
    this.#simulation = simulation
    this.#groupOf = groupOf
    this.#random = simulation.random
  }

  act(peer: Peer, isDurable: boolean): void {
    const group = this.#groupOf(peer)
    if (group === undefined) return
    const roll = this.#random()
    if (roll < 0.4) this.#apply(peer, group, this.#drawKind(), this.#drawOptions(group, isDurable))
    else if (roll < 0.52) this.#read(peer, group)
    else if (roll < 0.7) this.#type(peer)
    else if (roll < 0.74) ignore(group.applyConsistent('draw', { item: 'x' }))
    else if (roll < 0.77) ignore(group.applyConsistent('refuse', { item: 'x' }))
  }

  /** A command that may fail. */
  attempt(peer: Peer): void {
    const group = this.#groupOf(peer)
    if (group !== undefined) ignore(this.#apply(peer, group, 'append', { timeoutMs: TIMEOUT_MS }))
  }

  /** A command that must succeed. */
  async insist(peer: Peer): Promise<void> {
    const group = this.#groupOf(peer)
    if (group === undefined) throw new Error(`${peer.id} does not have the group`)
    await this.#apply(peer, group, 'append', { timeoutMs: 20_000 })
  }

  /** The peer has crashed: what it had on disk is owed. */
  crashed(peer: Peer): void {
    const process = this.#processes.indexOf(peer)
    const before = this.#simulation.clock.nowMs - ON_DISK_AFTER_MS
    for (const operation of this.operations) {
      if (operation.process !== process || !operation.isPersistent || operation.isSettled) continue
      operation.isOwed = operation.invokedAt < before
    }
  }

  #drawKind(): CommandKind {
    return pick(this.#random, ['append', 'append', 'set', 'compareAndSet', 'increment'] as const)
  }

  #drawOptions(group: Group<Ledger>, isDurable: boolean): ProposeOptions {
    const roll = this.#random()
    if (roll < 0.1) return { timeoutMs: TIMEOUT_MS, once: false }
    return isDurable && roll < 0.4 && group.isReady ? { persist: true } : { timeoutMs: TIMEOUT_MS }
  }

  #apply(peer: Peer, group: Group<Ledger>, kind: CommandKind, options: ProposeOptions): Promise<unknown> {
    const operation = this.#begin(peer, group, kind, options.persist ?? false)
    const { key, item, value, expected } = operation
    const command = { key, item, value, expected }
    // One type for all commands: each takes what it needs.
    const promise: Promise<number | boolean> =
      kind === 'append'
        ? group.applyConsistent('append', { key, item }, options)
        : kind === 'increment'
          ? group.applyConsistent('increment', { key, item }, options)
          : group.applyConsistent(kind as 'compareAndSet', command, options)
    this.#follow(operation, promise)
    return promise
  }

  #read(peer: Peer, group: Group<Ledger>): void {
    const kind = pick(this.#random, ['list', 'cell'] as const)
    const operation = this.#begin(peer, group, kind, false)
    const options = { timeoutMs: TIMEOUT_MS }
    const promise: Promise<number | readonly string[]> =
      kind === 'list' ? group.read('list', operation.key, options) : group.read('cell', operation.key, options)
    this.#follow(operation, promise)
  }

  #type(peer: Peer): void {
    const at = this.#random()
    peer.legion.applyFast((doc) => {
      const text = doc.getText('notes')
      text.insert(Math.floor(at * (text.length + 1)), `${this.#items++} `)
    })
  }

  #begin(peer: Peer, group: Group<Ledger>, kind: OperationKind, isPersistent: boolean): Operation {
    const key = pick(this.#random, kind === 'append' || kind === 'list' ? LISTS : CELLS)
    const operation: Operation = {
      process: this.#processOf(peer),
      kind,
      key,
      item: `i${this.#items++}`,
      value: randomInt(this.#random, 5),
      expected: group.isReady ? group.peek('cell', key) : 0,
      isPersistent,
      invokedAt: this.#simulation.clock.nowMs,
      returnedAt: undefined,
      output: undefined,
      notApplied: false,
      isSettled: false,
      isOwed: false,
    }
    this.operations.push(operation)
    return operation
  }

  #processOf(peer: Peer): number {
    const known = this.#processes.indexOf(peer)
    return known >= 0 ? known : this.#processes.push(peer) - 1
  }

  #follow(operation: Operation, promise: Promise<Output>): void {
    promise.then(
      (output) => {
        operation.isSettled = true
        operation.output = output
        this.acknowledged++
        operation.returnedAt = this.#simulation.clock.nowMs
      },
      (error: unknown) => {
        if (!LegionError.is(error)) throw error
        operation.isSettled = true
        operation.notApplied = error.outcome === 'not-applied'
      },
    )
  }
}

function ignore(promise: Promise<unknown>): void {
  promise.catch((error: unknown) => {
    if (!LegionError.is(error)) throw error
  })
}
