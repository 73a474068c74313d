import type { RandomStream } from '../../src/base/random.js'
import type { Runtime } from '../../src/base/runtime.js'
import { decodeValue, encodeValue, type Value } from '../../src/codec/value.js'
import type {
  ApplyContext,
  CommandCall,
  CommandResult,
  DurableStateMachine,
  ForkableMachine,
  QueryCall,
} from '../../src/machines/machine.js'

type Accounts = Readonly<Record<string, number>>

interface Stored {
  readonly accounts: Accounts
  readonly group: Uint8Array
}

/** What a bank keeps on a disk of its own, which outlives its process. */
export class BankDisk {
  #stored: Stored | undefined
  #writing: Stored | undefined
  /** Called once something is stored that came from another replica, before the group hears of it. */
  onInstalled: (() => void) | undefined
  readonly #clock: Pick<Runtime, 'setTimer'>
  readonly #random: RandomStream

  constructor(clock: Pick<Runtime, 'setTimer'>, random: RandomStream) {
    this.#clock = clock
    this.#random = random
  }

  get stored(): Stored | undefined {
    return this.#stored
  }

  /** What is being written is stored, or not. */
  crash(): void {
    if (this.#random() < 0.5) this.#stored = this.#writing ?? this.#stored
    this.#writing = undefined
  }

  lose(): void {
    this.#stored = undefined
  }

  store(accounts: Accounts, group: Uint8Array): Promise<void> {
    const writing = { accounts, group }
    this.#writing = writing
    return new Promise((resolve) => {
      this.#clock.setTimer(1 + 30 * this.#random(), () => {
        if (this.#writing !== writing) return
        this.#stored = writing
        this.#writing = undefined
        resolve()
      })
    })
  }
}

/** A durable machine written by hand: accounts to which is added. Its snapshots are concurrent. */
class Bank implements DurableStateMachine {
  readonly #disk: BankDisk
  #accounts: Accounts = {}

  constructor(disk: BankDisk) {
    this.#disk = disk
  }

  get state(): Accounts {
    return this.#accounts
  }

  has(command: string): boolean {
    return command === 'add'
  }

  apply({ payload }: CommandCall, _context: ApplyContext): CommandResult {
    const { account, by } = payload as { account: string; by: number }
    const sum = (this.#accounts[account] ?? 0) + by
    this.#accounts = { ...this.#accounts, [account]: sum }
    return { ok: true, output: sum }
  }

  query({ payload }: QueryCall): Value {
    return this.#accounts[payload as string] ?? 0
  }

  snapshot(): Iterable<Uint8Array> {
    return recordsOf(this.#accounts)
  }

  restore(): Promise<void> {
    throw new Error('a durable machine is installed, not restored')
  }

  async open(): Promise<Uint8Array | undefined> {
    this.#accounts = this.#disk.stored?.accounts ?? {}
    return this.#disk.stored?.group
  }

  flush(group: Uint8Array): Promise<void> {
    return this.#disk.store(this.#accounts, group)
  }

  async install(snapshot: AsyncIterable<Uint8Array>, group: Uint8Array): Promise<void> {
    const accounts = await readAccounts(snapshot)
    await this.#disk.store(accounts, group)
    this.#accounts = accounts
    this.#disk.onInstalled?.()
  }

  async close(): Promise<void> {}
}

/** Of the moment of the call: accounts are never changed, only replaced. */
function* recordsOf(accounts: Accounts): Generator<Uint8Array> {
  for (const account of Object.keys(accounts).sort()) yield record([account, accounts[account] ?? 0])
}

/** A length of one byte, then the value. */
function record(value: Value): Uint8Array {
  const bytes = encodeValue(value)
  return Uint8Array.of(bytes.length, ...bytes)
}

async function readAccounts(snapshot: AsyncIterable<Uint8Array>): Promise<Accounts> {
  const all: number[] = []
  for await (const piece of snapshot) all.push(...piece)
  const accounts: Record<string, number> = {}
  for (let at = 0; at < all.length; at += 1 + (all[at] ?? 0)) {
    const bytes = Uint8Array.from(all.slice(at + 1, at + 1 + (all[at] ?? 0)))
    const [account, sum] = decodeValue(bytes) as [string, number]
    accounts[account] = sum
  }
  return accounts
}

/** The bank as Legions take machines. */
export function bankOf(disk: BankDisk) {
  return {
    name: 'bank',
    version: 1,
    initial: (): Accounts => ({}),
    commands: { add: (_state: Accounts, { by }: { account: string; by: number }) => by },
    queries: { sum: (_state: Accounts, _account: string) => 0 },
    create: () => new Bank(disk) as unknown as ForkableMachine,
  }
}

export type BankMachine = ReturnType<typeof bankOf>
