import { Legion } from 'legion-mesh'
import type { KvContent, KvInput, KvOutput } from 'legion-mesh/testing'
import { type Journal, Workload } from '../chaos/src/workload.js'

/** What a test tells a page to join, and how much it shall do there. */
export interface LoadOptions {
  readonly cluster: string
  readonly signaling: string
  readonly name: string
  readonly clients: number
}

const PAUSE_MS = 30
const TIMEOUT_MS = 4_000

/** A page's only content: clients that work on the `kv` of a Legion on IndexedDB, and tell the test what they do. */
export class ChaosPage {
  #legion: Legion | undefined
  #workload: Workload | undefined

  /** Resolves when the state is here and the load has begun. @returns the peer's id */
  async start({ clients, ...options }: LoadOptions): Promise<string> {
    const legion = await Legion.join({ ...options, storage: 'indexeddb' })
    this.#legion = legion
    this.#workload = new Workload({
      legion,
      journal,
      clients,
      random: Math.random,
      writer: options.name,
      nowMs: Date.now,
      pauseMs: PAUSE_MS,
      timeoutMs: TIMEOUT_MS,
      sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
    })
    return legion.self.id
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    await this.#workload?.stop()
  }

  async entries(): Promise<[string, KvContent][]> {
    return (await this.#legion?.read('range', {})) as [string, KvContent][]
  }
}

/** The test keeps what is told: a crash of this page loses nothing of it. */
const journal: Journal = {
  invoked: (input) => chaosInvoked(input),
  returned: (operation, output) => void chaosReturned(operation, output),
  failed: (operation, outcome) => void chaosFailed(operation, outcome),
}

declare global {
  var chaos: ChaosPage
  /** Before the operation begins: its number is waited for. */
  function chaosInvoked(input: KvInput): Promise<number>
  function chaosReturned(operation: number, output: KvOutput): Promise<void>
  function chaosFailed(operation: number, outcome: 'not-applied' | 'unknown'): Promise<void>
}

globalThis.chaos = new ChaosPage()
