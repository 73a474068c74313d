import { Emitter, type Unsubscribe } from '../base/emitter.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { soon } from '../base/soon.js'
import type { Channel, ChannelEvents, ChannelState } from './channel.js'
import type { Negotiation, NegotiationOptions } from './webrtc-negotiation.js'
import { listensFirst } from './webrtc-quirks.js'

/** Above it implementations differ in what they do; one that is asked for more than the limit may just close. */
const MAX_MESSAGE_BYTES = 64 * 1024
/** `drain` fires when no more than this is buffered. */
const LOW_WATER_BYTES = 32 * 1024
/** When `bufferedAmount` is looked at where nothing says that it fell: after 1, 2, 4 … ms since the last send. */
const FIRST_DRAIN_POLL_MS = 1
const LAST_DRAIN_POLL_MS = 1024
/** For so long at most an answerer that listens first waits for a word. */
const LISTEN_MS = 50

/** Loads, once, what is needed only when there is somebody to connect to: simple-peer is large. */
export function loadNegotiation() {
  return import('./webrtc-negotiation.js')
}

/** One WebRTC data channel, ordered and reliable. */
export class WebRtcChannel implements Channel {
  readonly stack: string
  readonly #runtime: Runtime
  /** Undefined until its code is loaded. */
  #negotiation: Negotiation | undefined
  readonly #events = new Emitter<ChannelEvents>()
  #dataChannel: RTCDataChannel | undefined
  #tellsWhenDrained = false
  #state: ChannelState = 'connecting'
  #maxMessageBytes = MAX_MESSAGE_BYTES
  #drainPoll: Timer | undefined
  #drainPollMs = 0
  readonly #listensFirst: boolean
  #listening: Timer | undefined

  constructor(options: NegotiationOptions) {
    this.stack = options.stack
    this.#listensFirst = listensFirst(options.offerer, options.stack)
    this.#runtime = options.runtime
    this.#negotiate(options).catch((error: unknown) => this.close(`WebRTC is not available: ${String(error)}`))
  }

  get state(): ChannelState {
    return this.#state
  }

  get maxMessageBytes(): number {
    return this.#maxMessageBytes
  }

  get bufferedBytes(): number {
    return this.#state === 'open' ? (this.#dataChannel?.bufferedAmount ?? 0) : 0
  }

  send(message: Uint8Array): void {
    const dataChannel = this.#dataChannel
    if (this.#state !== 'open' || dataChannel?.readyState !== 'open') return
    try {
      dataChannel.send(message as Uint8Array<ArrayBuffer>)
    } catch (error) {
      soon(() => this.close(`sending failed: ${String(error)}`))
      return
    }
    if (!this.#tellsWhenDrained) this.#pollDrainSoon(dataChannel)
  }

  restart(): boolean {
    return this.#state === 'open' && this.#negotiation?.restart() === true
  }

  get lacksRelay(): boolean {
    return this.#negotiation?.lacksRelay === true
  }

  close(reason = 'closed'): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#listening?.cancel()
    this.#drainPoll?.cancel()
    this.#negotiation?.close()
    this.#events.emit('close', reason)
    this.#events.clear()
  }

  on<K extends keyof ChannelEvents>(event: K, listener: ChannelEvents[K]): Unsubscribe {
    return this.#events.on(event, listener)
  }

  async #negotiate(options: NegotiationOptions): Promise<void> {
    const { Negotiation } = await loadNegotiation()
    if (this.#state === 'closed') return
    this.#negotiation = new Negotiation(options, {
      dataChannel: (dataChannel) => this.#setUp(dataChannel),
      closed: (reason) => this.close(reason),
    })
    this.#negotiation.start()
  }

  /** Replaces the handlers by which simple-peer would feed its stream; leaves it those that notice the end. */
  #setUp(dataChannel: RTCDataChannel): void {
    this.#dataChannel = dataChannel
    dataChannel.binaryType = 'arraybuffer'
    this.#tellsWhenDrained = tellsWhenDrained(dataChannel)
    if (this.#tellsWhenDrained) dataChannel.bufferedAmountLowThreshold = LOW_WATER_BYTES
    dataChannel.onbufferedamountlow = () => this.#events.emit('drain')
    dataChannel.onmessage = (event) => this.#receive(event.data)
    dataChannel.onopen = () => this.#openSoon()
    if (dataChannel.readyState === 'open') this.#openSoon()
  }

  #openSoon(): void {
    if (!this.#listensFirst) this.#opened()
    else if (this.#state === 'connecting') this.#listening ??= this.#runtime.setTimer(LISTEN_MS, () => this.#opened())
  }

  #opened(): void {
    if (this.#state !== 'connecting') return
    this.#listening?.cancel()
    const negotiatedBytes = this.#negotiation?.maxMessageBytes
    if (negotiatedBytes) this.#maxMessageBytes = Math.min(MAX_MESSAGE_BYTES, negotiatedBytes)
    this.#state = 'open'
    this.#events.emit('open')
  }

  #receive(data: unknown): void {
    this.#opened() // Who listens first waited for it; some implementations deliver it before they say `open`.
    if (this.#state !== 'open') return
    if (data instanceof ArrayBuffer) this.#events.emit('message', new Uint8Array(data))
    else this.close('malformed: a message that is not binary')
  }

  /** After every send: soon, whatever poll was due later. */
  #pollDrainSoon(dataChannel: RTCDataChannel): void {
    if (this.#drainPoll !== undefined && this.#drainPollMs === FIRST_DRAIN_POLL_MS) return
    this.#drainPoll?.cancel()
    this.#pollDrain(dataChannel, FIRST_DRAIN_POLL_MS)
  }

  /** `bufferedAmount` may rise a good while after `send`, so a low one is not believed before it stayed low. */
  #pollDrain(dataChannel: RTCDataChannel, delayMs: number): void {
    this.#drainPollMs = delayMs
    this.#drainPoll = this.#runtime.setTimer(delayMs, () => {
      this.#drainPoll = undefined
      const drained = dataChannel.bufferedAmount <= LOW_WATER_BYTES
      if (drained) this.#events.emit('drain')
      if (this.#drainPoll !== undefined || this.#state !== 'open') return // A listener sent or closed.
      if (!drained) this.#pollDrain(dataChannel, FIRST_DRAIN_POLL_MS)
      else if (delayMs < LAST_DRAIN_POLL_MS) this.#pollDrain(dataChannel, 2 * delayMs)
    })
  }
}

/** False for @roamhq/wrtc, which lacks `bufferedamountlow` and its threshold. */
function tellsWhenDrained(dataChannel: RTCDataChannel): boolean {
  return typeof dataChannel.bufferedAmountLowThreshold === 'number'
}
