import { paths } from './paths.js'
import { LineProcess } from './process.js'

/** A real `legion-signaling` on a port of its own, which it keeps when it is restarted. */
export class Signaling {
  readonly url: string
  #process: LineProcess

  private constructor(process: LineProcess, url: string) {
    this.#process = process
    this.url = url
  }

  static async start(): Promise<Signaling> {
    const process = launch('--port', '0', '--warmup-ms', '0') // No test has an old cluster that may come back first.
    return new Signaling(process, await listeningUrl(process))
  }

  /** Kills it as a crash would. */
  stop(): Promise<void> {
    return this.#process.kill('SIGKILL')
  }

  /** With its usual warm-up, in which those who were there come back before anyone founds a cluster. */
  async startAgain(): Promise<void> {
    this.#process = launch('--port', new URL(this.url).port)
    await listeningUrl(this.#process)
  }
}

function launch(...args: string[]): LineProcess {
  return new LineProcess(paths.signalingCli, ['--host', '127.0.0.1', ...args])
}

function listeningUrl(process: LineProcess): Promise<string> {
  return process.first((line) => /listens on (ws:\S+)/.exec(line)?.[1])
}
