import { systemRuntime } from '../../lib/dist/base/system-runtime.js'
import type { Channel, SignalPipe } from '../../lib/dist/transport/channel.js'
import { Link } from '../../lib/dist/transport/link.js'
import { browserStack, webrtcConnector } from '../../lib/dist/transport/webrtc-connector.js'

type PeerId = Parameters<ReturnType<typeof webrtcConnector>['connect']>[0]

const PAYLOAD = new Uint8Array(40_000).fill(7)

/** A page's only content: links between two ends in this page, driven by the test through `globalThis.linkLab`. */
class LinkLab {
  readonly #runtime = systemRuntime()
  readonly #connector = webrtcConnector({ runtime: this.#runtime, stack: browserStack(navigator.userAgent) })
  #alive = 0
  readonly #registry = new FinalizationRegistry(() => this.#alive--)

  /** Of the links and channels made here: not collected as garbage. */
  get alive(): number {
    return this.#alive
  }

  /**
   * Links, sends something there and back, and closes; one after the other.
   * @returns why links ended that ended by themselves
   */
  async connectAndClose(times: number): Promise<string[]> {
    const broken: string[] = []
    for (let i = 0; i < times; i++) await this.#once().catch((error: unknown) => broken.push(`${i}: ${String(error)}`))
    return broken
  }

  async #once(): Promise<void> {
    const [atA, atB] = pipes()
    const channels = [this.#connect(true, atA), this.#connect(false, atB)]
    await Promise.all(channels.map((channel) => event(channel, 'open')))
    const [a, b] = channels.map((channel) => this.#watched(new Link(channel, { runtime: this.#runtime })))
    if (a === undefined || b === undefined) return
    const answered = new Promise((resolve, reject) => {
      a.on('message', resolve)
      a.on('close', (reason) => reject(new Error(`closed before the answer: ${reason}`)))
    })
    b.on('message', (lane, port, payload) => b.send(lane, port, payload))
    a.send('calls', 1, PAYLOAD)
    await answered
    const gone = channels.map((channel) => event(channel, 'close'))
    a.close('enough')
    await Promise.all(gone)
  }

  #connect(offerer: boolean, pipe: SignalPipe): Channel {
    return this.#watched(this.#connector.connect('somebody' as PeerId, offerer, pipe, { iceServers: [] }))
  }

  #watched<T extends object>(object: T): T {
    this.#alive++
    this.#registry.register(object, undefined)
    return object
  }
}

function event(channel: Channel, name: 'open' | 'close'): Promise<void> {
  return new Promise((resolve, reject) => {
    channel.on(name, () => resolve())
    if (name === 'open') channel.on('close', (reason) => reject(new Error(`closed before it opened: ${reason}`)))
  })
}

/** Both ends of a signal pipe inside this page. */
function pipes(): [SignalPipe, SignalPipe] {
  const ends = [new PipeEnd(), new PipeEnd()] as const
  return [pipe(ends[0], ends[1]), pipe(ends[1], ends[0])]
}

class PipeEnd {
  readonly #early: Uint8Array[] = []
  #listener: ((payload: Uint8Array) => void) | undefined

  deliver(payload: Uint8Array): void {
    if (this.#listener === undefined) this.#early.push(payload)
    else this.#listener(payload)
  }

  listen(listener: (payload: Uint8Array) => void): void {
    this.#listener = listener
    for (const payload of this.#early.splice(0)) listener(payload)
  }
}

function pipe(own: PipeEnd, other: PipeEnd): SignalPipe {
  return {
    send: (payload) => queueMicrotask(() => other.deliver(payload)),
    receive: (listener) => own.listen(listener),
  }
}

declare global {
  var linkLab: LinkLab
}

globalThis.linkLab = new LinkLab()
