import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

interface Line {
  readonly atMs: number
  readonly text: string
}

/** A Node program under test, whose lines of output can be awaited, those before included. */
export class LineProcess {
  readonly exited: Promise<unknown>
  readonly #child: ChildProcess
  readonly #command: string
  readonly #lines: Line[] = []
  readonly #waiting = new Set<() => void>()
  #stderr = ''
  #isOver = false

  constructor(script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#command = [script, ...args].join(' ')
    const child = spawn(process.execPath, [script, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    createInterface({ input: child.stdout }).on('line', (line) =>
      this.#changed(() => this.#lines.push({ atMs: Date.now(), text: line })),
    )
    child.stderr.on('data', (data) => {
      this.#stderr += String(data)
    })
    this.exited = once(child, 'close').then(() => this.#changed(() => (this.#isOver = true)))
  }

  get lines(): readonly Line[] {
    return this.#lines
  }

  /** What `select` makes of the first line of which it makes anything. Rejects if the program ends before. */
  async first<T>(select: (line: string) => T | undefined): Promise<T> {
    for (let next = 0; ; ) {
      for (; next < this.#lines.length; next++) {
        const selected = select(this.#lines[next]?.text ?? '')
        if (selected !== undefined) return selected
      }
      if (this.#isOver) throw new Error(`${this.#command} ended too early: ${this.#stderr}`)
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  /** Resolves when it has ended. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal)
    await this.exited
  }

  #changed(change: () => void): void {
    change()
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resume of waiting) resume()
  }
}
