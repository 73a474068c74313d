import type { PeerId } from '../../src/base/ids.js'
import { systemRuntime } from '../../src/base/system-runtime.js'
import { findWebRtc, type NodeWebRtcPackage } from '../../src/node/webrtc.js'
import type { ChannelPair } from '../../src/testing/channel-contract.js'
import type { Channel, Connector, SignalPipe } from '../../src/transport/channel.js'
import { webrtcConnector } from '../../src/transport/webrtc-connector.js'

const A = 'a' as PeerId
const B = 'b' as PeerId

export async function nodeConnector(name: NodeWebRtcPackage): Promise<Connector> {
  return webrtcConnector({ runtime: systemRuntime(), ...(await findWebRtc(name)) })
}

/** A signal pipe inside one process. `reorder` gives the place in the queue of the other side's next signal. */
export function signalPipes(alter: (signals: Uint8Array[]) => Uint8Array[] = (signals) => signals) {
  const ends = [new PipeEnd(alter), new PipeEnd(alter)] as const
  ends[0].other = ends[1]
  ends[1].other = ends[0]
  return ends
}

class PipeEnd implements SignalPipe {
  other: PipeEnd | undefined
  readonly sent: Uint8Array[] = []
  #waiting: Uint8Array[] = []
  #listener: ((payload: Uint8Array) => void) | undefined
  #flushIsDue = false
  readonly #alter: (signals: Uint8Array[]) => Uint8Array[]

  constructor(alter: (signals: Uint8Array[]) => Uint8Array[]) {
    this.#alter = alter
  }

  send(payload: Uint8Array): void {
    this.sent.push(payload)
    this.other?.arrive(payload)
  }

  receive(listener: (payload: Uint8Array) => void): void {
    this.#listener = listener
    this.#flushSoon()
  }

  arrive(payload: Uint8Array): void {
    this.#waiting.push(payload)
    this.#flushSoon()
  }

  #flushSoon(): void {
    if (this.#flushIsDue) return
    this.#flushIsDue = true
    setImmediate(() => {
      this.#flushIsDue = false
      const listener = this.#listener
      if (listener !== undefined) for (const payload of this.#alter(this.#waiting.splice(0))) listener(payload)
    })
  }
}

export function dial(offerer: Connector, answerer: Connector, pipes = signalPipes()): ChannelPair {
  const a = offerer.connect(B, true, pipes[0], { iceServers: [] })
  const b = answerer.connect(A, false, pipes[1], { iceServers: [] })
  return { a, b }
}

/** A pair that is open on both sides. */
export async function openPair(offerer: Connector, answerer: Connector, pipes = signalPipes()): Promise<ChannelPair> {
  const pair = dial(offerer, answerer, pipes)
  await Promise.all([opened(pair.a), opened(pair.b)])
  return pair
}

export function opened(channel: Channel): Promise<void> {
  if (channel.state === 'open') return Promise.resolve()
  return new Promise((resolve, reject) => {
    channel.on('open', () => resolve())
    channel.on('close', (reason) => reject(new Error(`closed before it opened: ${reason}`)))
  })
}

export function closed(channel: Channel): Promise<void> {
  if (channel.state === 'closed') return Promise.resolve()
  return new Promise((resolve) => {
    channel.on('close', () => resolve())
  })
}
