import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LegionError } from '../../src/base/errors.js'
import { decodeEntry } from '../../src/groups/entry.js'
import type { Batch } from '../../src/groups/proposals.js'
import { SESSION_LIMITS } from '../../src/groups/sessions.js'
import { ClientModel, GroupModel, microtasks, type Outcome, TestRuntime, TestStore } from './session-model.js'

const RUNS = 300

/** How often each step is taken, in relation. */
const STEPS = {
  propose: 2,
  persist: 3,
  once: 1,
  send: 4,
  append: 4,
  appendCopy: 2,
  refuse: 1,
  lose: 1,
  apply: 3,
  restore: 1,
  newLeader: 1,
  wait: 1,
  abort: 1,
  stranger: 1,
  flush: 3,
  close: 1,
  crash: 1,
} as const

type StepKind = keyof typeof STEPS

/** `n` picks the message, the number of entries or the like. */
interface Step {
  readonly kind: StepKind
  readonly n: number
}

interface Message {
  readonly batch: Batch
  /** The start of the peer that sent it: a refusal reaches no other. */
  readonly client: ClientModel
  isAppended: boolean
}

interface Proposed {
  readonly kind: 'propose' | 'persist' | 'once'
  readonly payload: string
  readonly outcome: Outcome
  readonly abort: AbortController
}

/**
 * A client and the log of a group, with everything between them that may go wrong: messages are lost, delayed,
 * reordered, copied and refused, leaders change, sessions are evicted, the client's replica lags or gets snapshots, and
 * the client is closed or crashes, with or without what it wrote last, and comes back with its disk.
 */
class World {
  readonly group: GroupModel
  readonly store = new TestStore()
  readonly proposed: Proposed[] = []
  readonly lost: string[] = []
  /** Commands that had not settled when everything had come to rest. */
  stuck = 0
  readonly #runtime = new TestRuntime(7)
  #messages: Message[] = []
  /** What the present start of the peer proposed. */
  #ownedNow: Proposed[] = []
  #client: ClientModel | undefined

  constructor(sessions: number) {
    this.group = new GroupModel({ ...SESSION_LIMITS, sessions, largeBytes: 10, largeBytesKept: 10 })
    this.store.isFast = false
  }

  async take({ kind, n }: Step): Promise<void> {
    await this.#steps[kind](await this.#started(), n)
    await microtasks()
  }

  /** Everything that can still happen to what is under way happens, then nothing fails any more. */
  async comeToRest(): Promise<void> {
    for (const message of this.#messages) this.#append(message)
    this.store.isFast = true
    for (let round = 0; round < 5; round++) {
      const client = await this.#started()
      this.store.flush()
      client.proposals.resend()
      await client.runAll()
      await microtasks()
    }
    this.store.flush()
    this.#noteLost()
    await microtasks()
    // Nothing but one-shot commands that got lost is left to time out.
    this.stuck = this.#ownedNow.filter(({ kind, outcome }) => kind !== 'once' && isOpen(outcome)).length
    this.#runtime.now += 60_000
    this.#client?.proposals.expire(true)
  }

  get inFlight(): number {
    return this.#client?.proposals.inFlight ?? 0
  }

  readonly #steps: Record<StepKind, (client: ClientModel, n: number) => void | Promise<void>> = {
    propose: (client) => this.#propose(client, 'propose'),
    persist: (client) => this.#propose(client, 'persist'),
    once: (client) => this.#propose(client, 'once'),
    send: (client) => {
      for (const batch of client.take()) this.#messages.push({ batch, client, isAppended: false })
    },
    append: (_, n) => {
      const message = this.#pick(n)
      if (message === undefined) return
      this.#append(message)
      this.#remove(message)
    },
    appendCopy: (_, n) => {
      const message = this.#pick(n)
      if (message !== undefined && !isOneShot(message)) this.#append(message)
    },
    refuse: (client, n) => {
      const message = this.#pick(n)
      if (message === undefined || message.isAppended) return
      this.#remove(message)
      if (message.client === client) client.proposals.returned(message.batch)
    },
    lose: (_, n) => this.#remove(this.#pick(n)),
    apply: (client, n) => client.apply(n % 8),
    restore: (client) => client.restore(),
    newLeader: (client) => client.proposals.resend(),
    wait: (client, n) => {
      this.#runtime.now += (n % 5) * 1000
      client.proposals.expire(n % 2 === 0)
    },
    abort: (_, n) => this.#ownedNow.at(-1 - (n % 3))?.abort.abort(),
    stranger: () => this.group.registerStranger(),
    flush: (_, n) => this.store.flush(n % 4),
    close: (client) => {
      client.proposals.failAll((outcome) => new LegionError('E_CLOSED', 'closed', { outcome }))
      this.store.flush()
      this.store.crash()
      this.#end()
    },
    crash: (_, n) => {
      this.store.flush(n % 3)
      this.store.crash()
      this.#end()
    },
  }

  #propose(client: ClientModel, kind: Proposed['kind']): void {
    const payload = `${kind} ${this.proposed.length}`
    const abort = new AbortController()
    const options = { signal: abort.signal, persist: kind === 'persist', once: kind !== 'once' }
    const proposed = { kind, payload, abort, outcome: client.propose(payload, options) }
    this.proposed.push(proposed)
    this.#ownedNow.push(proposed)
  }

  async #started(): Promise<ClientModel> {
    const { group, store } = this
    this.#client ??= await ClientModel.start({ group, store, runtime: this.#runtime }, group.lastIndex)
    return this.#client
  }

  #end(): void {
    this.#noteLost()
    this.#client = undefined
    this.#ownedNow = []
  }

  #noteLost(): void {
    for (const { payload } of this.#client?.lost ?? []) this.lost.push(String(payload))
  }

  #pick(n: number): Message | undefined {
    return this.#messages[n % Math.max(1, this.#messages.length)]
  }

  #remove(message: Message | undefined): void {
    this.#messages = this.#messages.filter((other) => other !== message)
  }

  #append(message: Message): void {
    message.isAppended = true
    for (const entry of message.batch.entries) this.group.append(entry)
  }
}

function isOpen({ output, error }: Outcome): boolean {
  return output === undefined && error === undefined
}

function isOneShot({ batch }: Message): boolean {
  return batch.entries.some((data) => decodeEntry(data).kind === 'one-shot')
}

async function run(steps: readonly Step[], sessions: number): Promise<World> {
  const world = new World(sessions)
  for (const step of steps) await world.take(step)
  await world.comeToRest()
  return world
}

/** Exactly once, and every outcome that was told is true. */
function checkOutcomes({ group, proposed }: World): void {
  for (const { payload, outcome } of proposed) {
    const runs = group.runs.get(payload) ?? []
    expect(runs.length, `runs of ${payload}`).toBeLessThanOrEqual(1)
    if (outcome.output !== undefined) expect(runs, `output of ${payload}`).toEqual([outcome.output])
    if (outcome.error?.outcome === 'not-applied') expect(runs, `${payload} was not to be applied`).toEqual([])
  }
}

const kinds = fc.oneof(
  ...Object.entries(STEPS).map(([kind, weight]) => ({ weight, arbitrary: fc.constant(kind as StepKind) })),
)
const schedule = fc.array(fc.record({ kind: kinds, n: fc.nat(20) }), { minLength: 10, maxLength: 120, size: 'max' })

describe('sessions under fire', () => {
  it('[SES25] apply every command at most once, and every outcome that is told is true', async () => {
    const check = async (steps: Step[]) => {
      const world = await run(steps, 3)
      checkOutcomes(world)
      expect([world.inFlight, world.stuck]).toEqual([0, 0])
    }
    await fc.assert(fc.asyncProperty(schedule, check), { seed: 25, numRuns: RUNS })
  }, 60_000)

  it('[SES25] apply a persistent command that was sent or on disk, through every restart', async () => {
    let applied = 0
    const check = async (steps: Step[]) => {
      const world = await run(steps, 1000)
      checkOutcomes(world)
      expect([world.lost, world.inFlight, world.stuck, world.store.keys]).toEqual([[], 0, 0, []])
      for (const { kind, payload, outcome } of world.proposed) {
        if (kind === 'persist') applied += world.group.runsOf(payload)
        // Whoever did not crash before the write was durable either waits for it still or was told.
        if (kind === 'persist' && outcome.error?.code === 'E_CLOSED') expect(world.group.runsOf(payload)).toBe(1)
      }
    }
    await fc.assert(fc.asyncProperty(schedule, check), { seed: 26, numRuns: RUNS })
    expect(applied).toBeGreaterThan(RUNS)
  }, 60_000)
})
