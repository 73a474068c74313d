import { paths } from './paths.js'
import { LineProcess } from './process.js'

export interface NodePeerOptions {
  readonly cluster: string
  readonly signaling: string
  readonly name: string
  readonly webrtc: 'node-datachannel' | 'roamhq'
  readonly machine: string
  readonly secret?: string | undefined
}

/** What `legion-peer` prints, one object per line. */
interface PeerEvent {
  readonly event: string
  readonly [detail: string]: unknown
}

/** A real `legion-peer`. */
export class NodePeer {
  readonly name: string
  readonly #process: LineProcess
  #id = ''

  constructor({ secret, ...options }: NodePeerOptions) {
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
    this.name = options.name
    this.#process = new LineProcess(paths.peerCli, args, secret === undefined ? {} : { LEGION_SECRET: secret })
  }

  /** Resolves when it has the cluster's state. */
  async ready(): Promise<void> {
    const { peer } = await this.#event('open')
    this.#id = String(peer)
    await this.#event('ready')
  }

  /** Known when it is ready. */
  get id(): string {
    return this.#id
  }

  get log(): readonly string[] {
    return this.#process.lines.map(({ atMs, text }) => `${atMs} ${this.name} ${text}`)
  }

  /** As a crash: no goodbye, nothing handed over. */
  kill(): Promise<void> {
    return this.#process.kill('SIGKILL')
  }

  #event(name: string): Promise<PeerEvent> {
    return this.#process.first((line) => {
      if (!line.startsWith('{')) return undefined // WebRTC implementations print lines of their own.
      const event: PeerEvent = JSON.parse(line)
      return event.event === name ? event : undefined
    })
  }
}
