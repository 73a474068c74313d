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
export interface PeerEvent {
  readonly event: string
  readonly [detail: string]: unknown
}

/** A real `legion-peer`. */
export class NodePeer {
  readonly name: string
  readonly id: string
  readonly #process: LineProcess

  private constructor(name: string, id: string, process: LineProcess) {
    this.name = name
    this.id = id
    this.#process = process
  }

  /** Resolves when it has the cluster's state. */
  static async start({ secret, ...options }: NodePeerOptions): Promise<NodePeer> {
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
    const process = new LineProcess(paths.peerCli, args, secret === undefined ? {} : { LEGION_SECRET: secret })
    const { peer } = await event(process, 'open')
    await event(process, 'ready')
    return new NodePeer(options.name, String(peer), process)
  }

  get log(): readonly string[] {
    return this.#process.lines.map(({ atMs, text }) => `${atMs} ${this.name} ${text}`)
  }

  event(name: string, matches?: (event: PeerEvent) => boolean): Promise<PeerEvent> {
    return event(this.#process, name, matches)
  }

  /** As a crash: no goodbye, nothing handed over. */
  kill(): Promise<void> {
    return this.#process.kill('SIGKILL')
  }
}

function event(process: LineProcess, name: string, matches = (_: PeerEvent) => true): Promise<PeerEvent> {
  return process.first((line) => {
    if (!line.startsWith('{')) return undefined // WebRTC implementations print lines of their own.
    const parsed: PeerEvent = JSON.parse(line)
    return parsed.event === name && matches(parsed) ? parsed : undefined
  })
}
