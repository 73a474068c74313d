import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url))

interface LoggedEvent {
  readonly event: string
  readonly [detail: string]: unknown
}

/** A running `legion-peer` whose events can be awaited, those before included. */
export class RunningPeer {
  readonly exited: Promise<unknown[]>
  stderr = ''
  readonly #process: ChildProcess
  readonly #events: LoggedEvent[] = []
  readonly #waiting = new Set<() => void>()

  /** @param fileBlocks no file it writes can have more blocks of 512 bytes */
  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}, fileBlocks: number | 'unlimited' = 'unlimited') {
    const limited = ['-c', `ulimit -f ${fileBlocks}; exec "$0" "$@"`, process.execPath, CLI, ...args]
    const child = spawn('/bin/sh', limited, { env: { ...process.env, ...env } })
    createInterface({ input: child.stdout }).on('line', (line) => this.#read(line))
    child.stderr.on('data', (data) => {
      this.stderr += String(data)
    })
    this.exited = once(child, 'close')
    this.#process = child
  }

  /** WebRTC implementations print lines of their own. */
  #read(line: string): void {
    if (line.startsWith('{')) this.#events.push(JSON.parse(line))
    for (const check of [...this.#waiting]) check()
  }

  /** Rejects if the process ends without it. */
  event(name: string, matches: (event: LoggedEvent) => boolean = () => true): Promise<LoggedEvent> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = this.#events.find((event) => event.event === name && matches(event))
        if (found === undefined) return
        this.#waiting.delete(check)
        resolve(found)
      }
      this.#waiting.add(check)
      check()
      void this.exited.then((status) => reject(new Error(`ended (${status}) without "${name}": ${this.stderr}`)))
    })
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }
}
