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
    const process = launch(0)
    return new Signaling(process, await listeningUrl(process))
  }

  /** Kills it as a crash would. */
  stop(): Promise<void> {
    return this.#process.kill('SIGKILL')
  }

  async startAgain(): Promise<void> {
    this.#process = launch(Number(new URL(this.url).port))
    await listeningUrl(this.#process)
  }
}

/** Without warm-up: no test has an old cluster that might come back first. */
function launch(port: number): LineProcess {
  return new LineProcess(paths.signalingCli, ['--host', '127.0.0.1', '--port', String(port), '--warmup-ms', '0'])
}

function listeningUrl(process: LineProcess): Promise<string> {
  return process.first((line) => /listens on (ws:\S+)/.exec(line)?.[1])
}
