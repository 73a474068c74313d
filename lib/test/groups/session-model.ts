import { LegionError } from '../../src/base/errors.js'
import type { PeerId } from '../../src/base/ids.js'
import { silentLogger } from '../../src/base/logger.js'
import { type RandomStream, randomInt, seededRandom } from '../../src/base/random.js'
import type { Runtime } from '../../src/base/runtime.js'
import type { Value } from '../../src/codec/value.js'
import { type CommandEntry, decodeEntry, encodeRegister } from '../../src/groups/entry.js'
import { Outbox, type OutboxLimits } from '../../src/groups/outbox.js'
import { type Batch, type LostCall, Proposals, type ProposeOptions } from '../../src/groups/proposals.js'
import type { Applied } from '../../src/groups/replicated-state.js'
import { fromReplicated, type SessionLimits, SessionTable } from '../../src/groups/sessions.js'
import type { Durability, StoreEntry, Write } from '../../src/storage/storage.js'

export const PEER = 'AAAAAAAAAAAAAAAAAAAAAA' as PeerId
export const STRANGER = 'BBBBBBBBBBBBBBBBBBBBBA' as PeerId
export const PROPOSAL_LIMITS = { proposals: 10_000, proposalBytes: 1024 * 1024, commandBytes: 10_000 }

/** A clock that the test moves. */
export class TestRuntime implements Runtime {
  now = 0
  readonly random: RandomStream

  constructor(seed = 1) {
    this.random = seededRandom(seed)
  }

  nowMs(): number {
    return this.now
  }

  wallClockMs(): number {
    return 1_700_000_000_000 + this.now
  }

  setTimer(): never {
    throw new Error('proposals need no timer')
  }

  randomBytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => randomInt(this.random, 256))
  }
}

/** All that a group knows: its log, applied as it grows, and how often the machine ran each command. */
export class GroupModel {
  readonly table: SessionTable
  readonly applied: (Applied | undefined)[] = []
  /** By the command's payload: the outputs of its runs. */
  readonly runs = new Map<Value, number[]>()
  #strangers = 0
  /** By how much the place of the next command is above its index. */
  #surplus = 0

  constructor(limits?: SessionLimits) {
    this.table = new SessionTable(limits)
  }

  get lastIndex(): number {
    return this.applied.length
  }

  append(data: Uint8Array): void {
    this.applied.push(this.#apply(this.lastIndex + 1, decodeEntry(data)))
  }

  /** Somebody else registers a session. */
  registerStranger(): void {
    this.append(encodeRegister({ nonce: `stranger ${++this.#strangers}`, peer: STRANGER, replaces: undefined }))
  }

  runsOf(payload: Value): number {
    return this.runs.get(payload)?.length ?? 0
  }

  #apply(index: number, entry: ReturnType<typeof decodeEntry>): Applied | undefined {
    if (entry.kind === 'register') {
      const session = this.table.register(entry.nonce, entry.peer, index, () => false, entry.replaces)
      return { kind: 'register', nonce: entry.nonce, session }
    }
    if (entry.kind === 'one-shot') {
      return { kind: 'one-shot', ticket: entry.ticket, result: this.#run(entry.payload, index) }
    }
    if (entry.kind !== 'command' && entry.kind !== 'commands') return undefined
    const commands = entry.kind === 'command' ? [entry] : entry.commands
    const results = commands.map((command, i) => this.#applyCommand(command, index + i))
    this.#surplus += commands.length - 1
    return { kind: 'commands', commands, results }
  }

  #applyCommand({ session, sequence, lowest, payload }: CommandEntry, index: number) {
    const verdict = this.table.check(session, sequence, lowest, index)
    if (verdict.kind === 'cached') return fromReplicated(verdict.result)
    if (verdict.kind !== 'apply') return verdict.kind
    const result = this.#run(payload, index)
    this.table.record(verdict.session, sequence, result)
    return result
  }

  #run(payload: Value, index: number) {
    const place = index + this.#surplus
    this.runs.set(payload, [...(this.runs.get(payload) ?? []), place])
    return { ok: true as const, output: place }
  }
}

/** A disk whose writes become durable when the test says so, in their order. */
export class TestStore {
  readonly #durable = new Map<string, Uint8Array>()
  #waiting: { readonly batch: readonly Write[]; readonly settle: (error?: Error) => void }[] = []
  #owner = {}
  failure: Error | undefined
  /** Every synced write resolves at once. */
  isFast = true

  get waiting(): number {
    return this.#waiting.length
  }

  get keys(): string[] {
    return [...this.#durable.keys()].sort()
  }

  set(key: string, value: Uint8Array): void {
    this.#durable.set(key, value)
  }

  write(batch: readonly Write[], durability: Durability): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure)
    const done = new Promise<void>((resolve, reject) => {
      const settle = (error?: Error) => (error === undefined ? resolve() : reject(error))
      this.#waiting.push({ batch, settle })
    })
    if (this.isFast && durability === 'synced') this.flush(this.waiting)
    return done
  }

  /** The next `count` writes become durable. */
  flush(count = this.waiting): void {
    for (const { batch, settle } of this.#waiting.splice(0, count)) {
      for (const { key, value } of batch) {
        if (value === undefined) this.#durable.delete(key)
        else this.#durable.set(key, value)
      }
      settle()
    }
  }

  /** The process that has it open ends: what is not durable is lost, and whatever it writes after its end. */
  crash(): void {
    this.#waiting = []
    this.#owner = {}
  }

  /** For one process. */
  open(): Pick<TestStore, 'write'> {
    const owner = this.#owner
    return { write: (batch, durability) => (owner === this.#owner ? this.write(batch, durability) : never) }
  }

  async *scan(prefix: string): AsyncIterable<StoreEntry> {
    for (const key of this.keys) {
      if (key.startsWith(prefix)) yield { key, value: this.#durable.get(key) as Uint8Array }
    }
  }
}

const never = new Promise<void>(() => {})

/** What a test wants to know of a proposal. */
export interface Outcome {
  output?: Value
  error?: LegionError
}

export interface ClientOptions {
  readonly group: GroupModel
  readonly runtime?: TestRuntime | undefined
  readonly store?: TestStore | undefined
  readonly outboxLimits?: OutboxLimits | undefined
  readonly limits?: Partial<typeof PROPOSAL_LIMITS> | undefined
}

/** A peer that proposes, with a replica that applies what the test lets it. */
export class ClientModel {
  readonly proposals: Proposals
  readonly lost: LostCall[]
  readonly #group: GroupModel
  #appliedIndex = 0

  /** @param appliedIndex where its replica's storage left off */
  static async start(options: ClientOptions, appliedIndex = 0): Promise<ClientModel> {
    const { store, outboxLimits: limits } = options
    const outbox = store && (await Outbox.load({ store, writer: store.open(), prefix: 'outbox/', limits }))
    return new ClientModel(options, outbox, appliedIndex)
  }

  private constructor(options: ClientOptions, outbox: Outbox | undefined, appliedIndex: number) {
    this.#group = options.group
    this.#appliedIndex = appliedIndex
    const lost: LostCall[] = []
    this.lost = lost
    this.proposals = new Proposals({
      runtime: options.runtime ?? new TestRuntime(),
      self: () => PEER,
      limits: { ...PROPOSAL_LIMITS, ...options.limits },
      logger: silentLogger,
      outbox,
      changed: () => {},
      lost: (call) => lost.push(call),
    })
  }

  get appliedIndex(): number {
    return this.#appliedIndex
  }

  propose(payload: Value, options: ProposeOptions = {}): Outcome {
    const outcome: Outcome = {}
    try {
      this.proposals.propose('add', payload, options).then(
        (output) => {
          outcome.output = output
        },
        (error: LegionError) => {
          outcome.error = error
        },
      )
    } catch (error) {
      if (!LegionError.is(error)) throw error
      outcome.error = error
    }
    return outcome
  }

  /** All that is to be sent now. */
  take(): Batch[] {
    const batches: Batch[] = []
    while (this.proposals.hasUnsent) batches.push(this.proposals.takeBatch())
    return batches
  }

  /** Appends what is to be sent, applies it, until nothing is left to do. */
  async runAll(): Promise<void> {
    for (let round = 0; round < 20; round++) {
      for (const batch of this.take()) for (const entry of batch.entries) this.#group.append(entry)
      this.apply()
      await microtasks()
    }
  }

  apply(count = Number.POSITIVE_INFINITY): void {
    for (let left = count; left > 0 && this.#appliedIndex < this.#group.lastIndex; left--) {
      const applied = this.#group.applied[this.#appliedIndex++]
      if (applied !== undefined) this.proposals.applied(applied, this.#appliedIndex)
    }
  }

  /** A snapshot takes its replica to the end of the log. */
  restore(): void {
    if (this.#appliedIndex === this.#group.lastIndex) return
    this.#appliedIndex = this.#group.lastIndex
    this.proposals.restored(this.#group.table)
  }
}

/** Lets everything run that waits for promises only. */
export async function microtasks(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}
