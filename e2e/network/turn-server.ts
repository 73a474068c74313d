import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import type { Host, VirtualNetwork } from './virtual-network.js'

const SECRET = 'a secret of the tests'
const PORT = 3478

/** Undefined if coturn is installed, else what is missing. */
export function whyNoTurnServer(): string | undefined {
  return spawnSync('which', ['turnserver']).status === 0 ? undefined : 'not installed: coturn'
}

/** coturn on a host that all can reach: STUN for everybody, TURN for who has credentials. */
export class TurnServer {
  readonly stun: object
  /** Credentials of coturn's REST scheme, good for an hour. */
  readonly turn: object
  readonly #process: ChildProcess

  static async start(network: VirtualNetwork, host: Host): Promise<TurnServer> {
    const server = new TurnServer(network, host)
    await server.#listens()
    return server
  }

  private constructor(network: VirtualNetwork, { address, ...host }: Host) {
    const username = `${Math.floor(Date.now() / 1000) + 3600}:test`
    const credential = createHmac('sha1', SECRET).update(username).digest('base64')
    this.stun = { urls: `stun:${address}:${PORT}` }
    this.turn = { urls: `turn:${address}:${PORT}?transport=udp`, username, credential }
    const settings = ['-n', '-L', address, '-E', address, '-r', 'tests', '--no-cli', '--no-tls', '--no-dtls']
    const authentication = ['--use-auth-secret', `--static-auth-secret=${SECRET}`]
    const files = ['--log-file=stdout', '--pidfile=/dev/null']
    this.#process = spawn(
      network.script({ address, ...host }, 'turnserver'),
      [...settings, ...authentication, ...files],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
  }

  /** Peers that have no other way don't meet any more. */
  async stop(): Promise<void> {
    this.#process.kill('SIGKILL')
    await once(this.#process, 'close')
  }

  #listens(): Promise<void> {
    return new Promise((resolve, reject) => {
      let output = ''
      const heard = (data: unknown) => {
        output += String(data)
        if (/Total General servers/.test(output)) resolve()
      }
      this.#process.stdout?.on('data', heard)
      this.#process.stderr?.on('data', heard)
      this.#process.once('close', () => reject(new Error(`coturn ended: ${output}`)))
    })
  }
}
