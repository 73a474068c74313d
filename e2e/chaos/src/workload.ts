import { type Legion, LegionError, type Outcome } from 'legion-mesh'
import type { KvContent, KvInput, KvOutput, KvSwap } from 'legion-mesh/testing'
import { Operations, type OperationsOptions } from './operations.js'

/** Where is written what clients do, each thing at once: what is lost with a process was never seen by a client. */
export interface Journal {
  /** Called before the operation begins. @returns its number */
  invoked(input: KvInput): number | Promise<number>
  returned(operation: number, output: KvOutput): void
  failed(operation: number, outcome: Outcome, code: string): void
}

export interface WorkloadOptions extends OperationsOptions {
  readonly legion: Legion
  readonly journal: Journal
  readonly clients: number
  /** Between two operations of a client, at most. */
  readonly pauseMs: number
  readonly timeoutMs: number
  readonly sleep: (delayMs: number) => Promise<void>
}

const PAUSE_AFTER_FAILURE_MS = 100

/** Clients of one peer, each with one operation under way at a time. */
export class Workload {
  readonly #options: WorkloadOptions
  readonly #operations: Operations
  readonly #clients: Promise<void>[]
  #isStopped = false

  constructor(options: WorkloadOptions) {
    this.#options = options
    this.#operations = new Operations(options)
    this.#clients = Array.from({ length: options.clients }, () => this.#runClient())
  }

  /** Rejects if a client met an error that the library never announced. */
  get ended(): Promise<unknown> {
    return Promise.all(this.#clients)
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.ended
  }

  async #runClient(): Promise<void> {
    const { random, pauseMs, sleep } = this.#options
    while (!this.#isStopped) {
      const succeeded = await this.#runOne(this.#operations.next())
      await sleep(random() * pauseMs + (succeeded ? 0 : PAUSE_AFTER_FAILURE_MS))
    }
  }

  async #runOne(input: KvInput): Promise<boolean> {
    const { journal, legion, timeoutMs } = this.#options
    const operation = await journal.invoked(input)
    try {
      const output = await run(legion, input, timeoutMs)
      journal.returned(operation, output)
      this.#operations.saw(input, output)
      return true
    } catch (error) {
      if (!LegionError.is(error)) throw error
      journal.failed(operation, outcomeOf(error, input), error.code)
      return false
    }
  }
}

/** The `kv` of a Legion, with null where there is no such key. @throws LegionError */
async function run(legion: Legion, input: KvInput, timeoutMs: number): Promise<KvOutput> {
  const options = { timeoutMs }
  const { type, key } = input
  switch (type) {
    case 'get':
      return ((await legion.read('get', key, options)) ?? null) as KvContent
    case 'set':
      await legion.applyConsistent('set', { key, value: input.value }, options)
      return undefined
    case 'increment':
      return legion.applyConsistent('increment', { key, by: input.by }, options)
    case 'compareAndSet': {
      const payload = { key, expected: input.expected ?? undefined, value: input.value }
      const result = await legion.applyConsistent('compareAndSet', payload, options)
      return (result.ok ? { ok: true } : { ok: false, current: result.current ?? null }) as KvSwap
    }
  }
}

/** A read that failed changed nothing, whatever its error says. */
function outcomeOf(error: LegionError, input: KvInput): Outcome {
  return input.type === 'get' ? 'not-applied' : (error.outcome ?? 'unknown')
}
