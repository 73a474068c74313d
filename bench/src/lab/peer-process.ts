import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Tasks } from '../peer/main.js'
import type { RawSignal } from '../peer/raw-connection.js'
import type { PeerReport, PeerRequest } from '../peer/tell-parent.js'

const ENTRY = fileURLToPath(new URL('../peer/main.js', import.meta.url))

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

/** A peer in a process of its own. */
export class PeerProcess {
  readonly name: string
  /** Where signals of its raw connection go. */
  onSignal: (signal: RawSignal) => void = () => {}
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  readonly #hasEnded: Promise<void>
  #lastId = 0

  constructor(name: string) {
    this.name = name
    // Whatever it prints goes where errors go: standard output is for results.
    this.#child = fork(ENTRY, { stdio: ['ignore', 2, 2, 'ipc'] })
    this.#child.on('message', (report: PeerReport) => this.#received(report))
    this.#hasEnded = new Promise((resolve) => {
      this.#child.on('exit', (code, signal) => {
        this.#ended(`the peer ${name} ended: ${signal ?? code}`)
        resolve()
      })
    })
  }

  /** @throws Error with what went wrong there */
  ask<K extends keyof Tasks>(task: K, ...args: Parameters<Tasks[K]>): Promise<Awaited<ReturnType<Tasks[K]>>> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#child.send({ id, task, args } satisfies PeerRequest, (error) => error && reject(error))
    })
  }

  startProfile(): Promise<void> {
    return this.ask('startProfile')
  }

  stopProfile(path: string): Promise<void> {
    return this.ask('stopProfile', path)
  }

  /** Resolves when the process has ended. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.#child.kill(signal)
    await this.#hasEnded
  }

  #received(report: PeerReport): void {
    if ('signal' in report) {
      this.onSignal(report.signal)
      return
    }
    const waiting = this.#waiting.get(report.id)
    this.#waiting.delete(report.id)
    if ('error' in report) waiting?.reject(new Error(`${this.name}: ${report.error}`))
    else waiting?.resolve(report.value as never)
  }

  #ended(problem: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(problem))
    this.#waiting.clear()
  }
}
