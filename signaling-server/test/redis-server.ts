import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import { freeTcpPort } from './free-port.js'

export const hasRedis = isInstalled()

/** A `redis-server` of its own on a free port. Keeps what it has over `kill` and `start` only if asked to. */
export class RedisServer {
  readonly url: string
  readonly #port: number
  readonly #directory = mkdtempSync(join(tmpdir(), 'legion-redis-'))
  #process: ChildProcess | undefined

  private constructor(port: number) {
    this.#port = port
    this.url = `redis://127.0.0.1:${port}`
  }

  static async open(): Promise<RedisServer> {
    const server = new RedisServer(await freeTcpPort())
    await server.start()
    return server
  }

  /** Resolves when it takes connections. */
  async start({ isPersistent = false } = {}): Promise<void> {
    const persistence = isPersistent ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--save', '']
    const args = ['--port', String(this.#port), '--bind', '127.0.0.1', '--dir', this.#directory, ...persistence]
    this.#process = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    for await (const chunk of this.#process.stdout ?? []) {
      output += chunk
      if (output.includes('Ready to accept connections')) break
    }
    this.#process.stdout?.resume()
  }

  /** It is gone without a word. */
  async kill(): Promise<void> {
    await this.signal('SIGKILL')
  }

  /** SIGSTOP and SIGCONT make it hang and go on. */
  async signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const ended = this.#process && once(this.#process, 'exit')
    this.#process?.kill(signal)
    if (signal === 'SIGKILL') await ended
  }

  /** It forgets everything and goes on. */
  async flush(): Promise<void> {
    await this.#ask(['FLUSHALL'])
  }

  async keyCount(): Promise<number> {
    return Number(await this.#ask(['DBSIZE']))
  }

  async hash(key: string): Promise<Record<string, string>> {
    return { ...((await this.#ask(['HGETALL', key])) as Record<string, string>) }
  }

  async #ask(command: string[]): Promise<unknown> {
    const client = createClient({ url: this.url })
    await client.connect()
    const answer = await client.sendCommand(command)
    client.destroy()
    return answer
  }

  async close(): Promise<void> {
    if (this.#process?.exitCode === null && this.#process.signalCode === null) await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

function isInstalled(): boolean {
  try {
    execFileSync('redis-server', ['--version'])
    return true
  } catch {
    return false
  }
}
