import type { Latency, Rate } from '../peer/figures.js'
import { answerRaw, rawFlood, rawPing } from '../peer/raw-traffic.js'
import { nextTask } from './next-task.js'

/** One end of a bare data channel to another tab, driven through `globalThis.channelBench`. */
class ChannelBench {
  readonly #connection = new RTCPeerConnection()
  #channel: RTCDataChannel | undefined

  /** @returns the offer, with all candidates */
  async offer(): Promise<string> {
    this.#take(this.#connection.createDataChannel('raw'))
    await this.#connection.setLocalDescription()
    return this.#gathered()
  }

  /** Answers all that comes. @returns the answer, with all candidates */
  async answer(offer: string): Promise<string> {
    this.#connection.ondatachannel = ({ channel }) => answerRaw(this.#take(channel))
    await this.#connection.setRemoteDescription({ type: 'offer', sdp: offer })
    await this.#connection.setLocalDescription()
    return this.#gathered()
  }

  /** Resolves when the channel is open. */
  async accept(answer: string): Promise<void> {
    const channel = this.#opened
    await this.#connection.setRemoteDescription({ type: 'answer', sdp: answer })
    if (channel.readyState === 'open') return
    await new Promise((resolve) => channel.addEventListener('open', resolve))
  }

  ping(sizeBytes: number, durationMs: number): Promise<Latency> {
    return rawPing(this.#opened, sizeBytes, durationMs)
  }

  flood(sizeBytes: number, durationMs: number): Promise<Rate> {
    return rawFlood(this.#opened, sizeBytes, durationMs, nextTask)
  }

  get #opened(): RTCDataChannel {
    if (this.#channel === undefined) throw new Error('connect first')
    return this.#channel
  }

  #take(channel: RTCDataChannel): RTCDataChannel {
    channel.binaryType = 'arraybuffer'
    this.#channel = channel
    return channel
  }

  async #gathered(): Promise<string> {
    const connection = this.#connection
    while (connection.iceGatheringState !== 'complete') {
      await new Promise((resolve) => connection.addEventListener('icegatheringstatechange', resolve, { once: true }))
    }
    return connection.localDescription?.sdp ?? ''
  }
}

declare global {
  var channelBench: ChannelBench
}

globalThis.channelBench = new ChannelBench()
