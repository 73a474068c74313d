import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { PeerId } from 'legion-mesh'
import { type JournalContent, readJournal } from './journal.js'
import type { StateReport, WorkerEvent, WorkerOptions, WorkerRequest } from './worker.js'

const WORKER = fileURLToPath(new URL('../dist/worker.js', import.meta.url))

export type ChaosPeerOptions = Omit<WorkerOptions, 'journal' | 'seed'> & {
  /** Where its journals and its output go. */
  readonly records: string
  readonly seed: number
  /** Something went wrong that no fault explains. */
  readonly onProblem: (problem: string) => void
  /** It is up, or sees others as voters, or ended. */
  readonly onChange: () => void
}

/** One peer through all of its processes, one after the other. */
export class ChaosPeer {
  readonly name: string
  readonly #options: ChaosPeerOptions
  readonly #journals: string[] = []
  #child: ChildProcess | undefined
  #id: PeerId | undefined
  #isUp = false
  #isPaused = false
  #voters: readonly PeerId[] = []
  #leader: PeerId | undefined

  constructor(options: ChaosPeerOptions) {
    this.name = options.name
    this.#options = options
  }

  /** Undefined before the first start was ready. */
  get id(): PeerId | undefined {
    return this.#id
  }

  /** Its state is here and nothing holds it up. */
  get isUp(): boolean {
    return this.#isUp && !this.#isPaused
  }

  /** As this peer sees it. */
  get voters(): readonly PeerId[] {
    return this.#voters
  }

  get leader(): PeerId | undefined {
    return this.#leader
  }

  /** Starts a new process. */
  start(): void {
    const { records, onProblem: _, onChange: __, ...options } = this.#options
    const life = this.#journals.length + 1
    const name = `${this.name}.${life}`
    const journal = `${records}/${name}.jsonl`
    const output = openSync(`${records}/${name}.log`, 'a')
    const workerOptions: WorkerOptions = { ...options, seed: options.seed * 1000 + life, name, journal }
    const child = fork(WORKER, [JSON.stringify(workerOptions)], { stdio: ['ignore', output, output, 'ipc'] })
    this.#journals.push(journal)
    this.#child = child
    child.on('message', (event: WorkerEvent) => this.#heard(child, event))
    child.on('exit', (code, signal) => this.#exited(child, `${signal ?? code}`))
  }

  /** No goodbye, nothing handed over, nothing written any more. Resolves when it is over. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    this.#isUp = this.#isPaused = false
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }

  /** It stands still, without noticing. */
  pause(): void {
    this.#isPaused = true
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
    this.#isPaused = false
    this.#options.onChange()
  }

  /** Ends its load; resolves when nothing of it is under way any more. */
  async stop(): Promise<void> {
    await this.#ask('stop', 'stopped')
  }

  /** What it has once it has everything that is committed by now. */
  async state(): Promise<StateReport> {
    return (await this.#ask('state', 'state')).state
  }

  /** Of all its processes. */
  readJournals(): JournalContent[] {
    return this.#journals.map((path, life) => readJournal(path, `${this.name}.${life + 1}`))
  }

  async #ask<E extends WorkerEvent['event']>(request: WorkerRequest, event: E): Promise<WorkerEvent & { event: E }> {
    const child = this.#child
    if (child === undefined) throw new Error(`${this.name} is not running`)
    const answered = new Promise<WorkerEvent & { event: E }>((resolve, reject) => {
      child.on('message', (answer: WorkerEvent) => {
        if (answer.event === event) resolve(answer as WorkerEvent & { event: E })
      })
      child.once('exit', () => reject(new Error(`${this.name} ended`)))
    })
    child.send(request)
    return answered
  }

  #heard(child: ChildProcess, event: WorkerEvent): void {
    if (child !== this.#child) return
    if (event.event === 'ready') this.#ready(event.peer)
    if (event.event === 'failed') this.#options.onProblem(`${this.name}: ${event.problem}`)
    if (event.event === 'members') {
      this.#voters = event.voters
      this.#leader = event.leader
    }
    this.#options.onChange()
  }

  #ready(id: PeerId): void {
    if (this.#options.directory !== undefined && this.#id !== undefined && this.#id !== id) {
      this.#options.onProblem(`${this.name} came back as ${id}, another peer than ${this.#id}`)
    }
    this.#id = id
    this.#isUp = true
  }

  #exited(child: ChildProcess, how: string): void {
    if (child !== this.#child) return
    this.#child = undefined
    this.#isUp = this.#isPaused = false
    this.#options.onProblem(`${this.name} ended by itself (${how}); its output is in ${this.#options.records}`)
    this.#options.onChange()
  }
}
