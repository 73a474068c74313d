import { paths } from './paths.js'
import { LineProcess } from './process.js'

/** A real `legion-signaling` on a port of its own, which it keeps when it is restarted. */
export class Signaling {
  readonly url: string
  readonly #settings: readonly string[]
  #process: LineProcess

  private constructor(process: LineProcess, url: string, settings: readonly string[]) {
    this.#process = process
    this.url = url
    this.#settings = settings
  }

  /** @param host the address that it listens on */
  static async start(host = '127.0.0.1', ...more: readonly string[]): Promise<Signaling> {
    const settings = ['--host', host, ...more]
    const process = launch(...settings, '--port', '0', '--warmup-ms', '0') // No test has an old cluster that may come back first.
    return new Signaling(process, await listeningUrl(process), settings)
  }

  /** Kills it as a crash would. */
  stop(): Promise<void> {
    return this.#process.kill('SIGKILL')
  }

  /** With its usual warm-up, in which those who were there come back before anyone founds a cluster. */
  async startAgain(): Promise<void> {
    this.#process = launch(...this.#settings, '--port', new URL(this.url).port)
    await listeningUrl(this.#process)
  }
}

function launch(...args: string[]): LineProcess {
  return new LineProcess(paths.signalingCli, args)
}

function listeningUrl(process: LineProcess): Promise<string> {
  return process.first((line) => /listens on (ws:\S+)/.exec(line)?.[1])
}
