import SimplePeerImplementation from 'simple-peer/simplepeer.min.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { CandidateTally } from './candidate-tally.js'
import type { IceServer, SignalPipe } from './channel.js'
import {
  arrangedOffer,
  isNear,
  plainCandidate,
  restartingSide,
  type SharesNetwork,
  tellsCandidatesLate,
} from './webrtc-quirks.js'
import { type CandidateSignal, type DescriptionSignal, decodeSignal, encodeSignal } from './webrtc-signals.js'

/** A WebRTC implementation for places that have none of their own. */
export interface WebRtcApi {
  readonly RTCPeerConnection: unknown
  readonly RTCSessionDescription: unknown
  readonly RTCIceCandidate: unknown
}

export interface NegotiationOptions {
  readonly runtime: Runtime
  readonly offerer: boolean
  readonly signal: SignalPipe
  readonly iceServers: readonly IceServer[]
  readonly stack: string
  readonly wrtc: WebRtcApi | undefined
  readonly sharesNetwork: SharesNetwork | undefined
}

export interface NegotiationEvents {
  /** The data channel, not open yet; before its first event. At most once. */
  dataChannel(dataChannel: RTCDataChannel): void
  /** The connection is gone. May come more than once. */
  closed(reason: string): void
}

/** What is used of simple-peer. The names with an underscore have been stable for years; the version is pinned to 9. */
interface SimplePeer {
  on(event: 'signal', listener: (signal: SimplePeerSignal) => void): void
  on(event: 'error', listener: (error: Error) => void): void
  on(event: 'close', listener: () => void): void
  signal(data: unknown): void
  destroy(): void
  readonly _pc: RTCPeerConnection | null | undefined
  readonly _channel: RTCDataChannel | null
}

type SimplePeerClass = new (options: object) => SimplePeer

interface SimplePeerSignal {
  readonly type?: string
  readonly sdp?: string
  readonly candidate?: Omit<CandidateSignal, 'type'>
}

/** Time for the end of a data channel to travel before the connection goes. */
const LINGER_MS = 100
/** How long an answerer that is near waits for ICE before it answers. */
const NEAR_MS = 100
/** One attempt needs one description and a handful of candidates; every restart as much again. */
const MAX_SIGNALS = 256

/**
 * One attempt to connect by simple-peer: offer, answer, candidates.
 *
 * Only the negotiation is simple-peer's. Its stream is bypassed, because it would copy every message and queue them
 * without limit, and would open later: it asks for connection statistics first.
 */
export class Negotiation {
  readonly #options: NegotiationOptions
  readonly #events: NegotiationEvents
  /** The other side's, that came before its description. */
  readonly #earlyCandidates: CandidateSignal[] = []
  /** Our own, until we may tell them; undefined from then on. */
  #heldCandidates: CandidateSignal[] | undefined
  readonly #tally = new CandidateTally()
  #peer: SimplePeer | undefined
  #dataChannel: RTCDataChannel | undefined
  /** The other side's first one. */
  #description: DescriptionSignal | undefined
  /** What it is decided by is in `isNear`; only an answerer can be. */
  #isNear = false
  #answerTimer: Timer | undefined
  #signalCount = 0
  /** Restarting ICE: we have offered it, the answer is not here. */
  #isRestarting = false
  #closed = false

  constructor(options: NegotiationOptions, events: NegotiationEvents) {
    this.#options = options
    this.#events = events
    if (tellsCandidatesLate(options.offerer, options.stack)) this.#heldCandidates = []
  }

  /** Once. @throws Error if there is no WebRTC */
  start(): void {
    this.#options.signal.receive((payload) => this.#receive(payload))
    if (this.#closed) return
    const peer = new (SimplePeerImplementation as SimplePeerClass)(this.#peerOptions())
    this.#peer = peer
    peer.on('signal', (signal) => this.#sendSignal(signal))
    peer.on('error', (error) => this.#events.closed(messageOf(error)))
    peer.on('close', () => this.#events.closed('closed by the other side'))
    this.#takeOver(peer)
    this.#applyDescription()
  }

  /** The largest message that the other side takes, in bytes; known once the data channel is open. */
  get maxMessageBytes(): number | undefined {
    return this.#peer?._pc?.sctp?.maxMessageSize
  }

  /** Both sides have told candidates, none of them a relay's. */
  get lacksRelay(): boolean {
    return this.#tally.lacksRelay
  }

  /** Restarts ICE, or asks the other side to. @returns false if this pair of implementations can't */
  restart(): boolean {
    const side = this.#restartingSide()
    if (side === undefined || this.#closed) return false
    if (side === this.#side) this.#offerRestart()
    else this.#options.signal.send(encodeSignal({ type: 'restart' }))
    return true
  }

  /**
   * In a browser all of it at once, for in a page that goes away there is no later. Elsewhere the data channel first, so
   * that its last message arrives and the other side sees the end: an immediate close of the connection lost both at times.
   */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#answerTimer?.cancel()
    if (this.#dataChannel !== undefined) closeQuietly(this.#dataChannel)
    if (this.#options.wrtc === undefined || this.#dataChannel === undefined) this.#disconnect()
    else this.#options.runtime.setTimer(LINGER_MS, () => this.#disconnect())
  }

  #disconnect(): void {
    this.#peer?._pc?.close()
    this.#peer?.destroy()
  }

  #peerOptions(): object {
    const { offerer, iceServers, wrtc } = this.#options
    return {
      initiator: offerer,
      wrtc,
      config: { iceServers },
      channelConfig: { ordered: true },
      trickle: true,
      // Means nothing when candidates trickle, but its timer would keep a Node process alive for 5 s after a close.
      iceCompleteTimeout: 1,
    }
  }

  #takeOver(peer: SimplePeer): void {
    const connection = peer._pc
    if (connection === null || connection === undefined) return // Its constructor failed; `error` follows.
    if (this.#options.offerer) this.#adopt(peer._channel)
    else this.#adoptIncoming(connection)
  }

  #adoptIncoming(connection: RTCPeerConnection): void {
    const setUp = connection.ondatachannel
    connection.ondatachannel = (event) => {
      if (this.#dataChannel !== undefined) return event.channel.close() // One is all that there may be.
      setUp?.call(connection, event)
      this.#adopt(event.channel)
    }
  }

  #adopt(dataChannel: RTCDataChannel | null): void {
    if (dataChannel === null) return
    this.#dataChannel = dataChannel
    this.#events.dataChannel(dataChannel)
  }

  #sendSignal({ type, sdp, candidate }: SimplePeerSignal): void {
    const connection = this.#peer?._pc
    if (type === 'answer' && sdp !== undefined && connection && this.#isNear) this.#answerOnceConnected(connection, sdp)
    else if ((type === 'offer' || type === 'answer') && sdp !== undefined) this.#sendDescription(type, sdp)
    else if (candidate !== undefined) this.#sendCandidate(candidate)
  }

  #sendDescription(type: 'offer' | 'answer', sdp: string): void {
    const { signal, stack } = this.#options
    this.#tally.own(sdp)
    signal.send(encodeSignal({ type, sdp, stack }))
  }

  /** Sends the answer, and the candidates after it, when ICE has connected or `NEAR_MS` are over. */
  #answerOnceConnected(connection: RTCPeerConnection, sdp: string): void {
    const answer = () => {
      this.#answerTimer?.cancel()
      if (this.#heldCandidates === undefined || this.#closed) return
      this.#sendDescription('answer', sdp)
      this.#tellHeldCandidates()
    }
    const answerIfConnected = () => {
      if (connection.iceConnectionState === 'connected') answer()
    }
    this.#answerTimer = this.#options.runtime.setTimer(NEAR_MS, answer)
    connection.addEventListener('iceconnectionstatechange', answerIfConnected)
    answerIfConnected()
  }

  #sendCandidate(candidate: Omit<CandidateSignal, 'type'>): void {
    const plain = plainCandidate(candidate)
    this.#tally.own(plain.candidate)
    if (this.#heldCandidates !== undefined) this.#heldCandidates.push(plain)
    else this.#options.signal.send(encodeSignal(plain))
  }

  #tellHeldCandidates(): void {
    const held = this.#heldCandidates ?? []
    this.#heldCandidates = undefined
    for (const candidate of held) this.#options.signal.send(encodeSignal(candidate))
  }

  #receive(payload: Uint8Array): void {
    if (this.#closed || ++this.#signalCount > MAX_SIGNALS) return
    const signal = decodeSignal(payload)
    if (signal === undefined) return
    if (signal.type === 'candidate') this.#takeCandidate(signal)
    else if (signal.type === 'restart') this.#askedToRestart()
    else this.#takeDescription(signal)
  }

  /** The pipe may deliver candidates before the description: they wait. */
  #takeCandidate(signal: CandidateSignal): void {
    this.#tally.others(signal.candidate)
    if (this.#peer === undefined || this.#description === undefined) this.#earlyCandidates.push(signal)
    else this.#give(this.#peer, { candidate: signal })
  }

  #takeDescription(signal: DescriptionSignal): void {
    if (this.#description !== undefined) this.#takeRestart(signal)
    else if (signal.type === (this.#options.offerer ? 'answer' : 'offer')) this.#takeFirst(signal)
  }

  #takeFirst(signal: DescriptionSignal): void {
    this.#tally.others(signal.sdp)
    this.#description = signal
    this.#applyDescription()
  }

  #applyDescription(): void {
    const peer = this.#peer
    const description = this.#description
    if (peer === undefined || description === undefined) return
    if (description.type === 'offer') this.#takeOffer(peer, description)
    else this.#give(peer, description)
    for (const candidate of this.#earlyCandidates.splice(0)) this.#give(peer, { candidate })
    if (!this.#isNear) this.#tellHeldCandidates()
  }

  #takeOffer(peer: SimplePeer, offer: DescriptionSignal): void {
    this.#isNear = isNear(offer, this.#options)
    if (this.#isNear) this.#heldCandidates = []
    this.#give(peer, arrangedOffer(offer, this.#isNear))
  }

  // Restarts of ICE

  get #side(): 'offerer' | 'answerer' {
    return this.#options.offerer ? 'offerer' : 'answerer'
  }

  #restartingSide(): 'offerer' | 'answerer' | undefined {
    const stacks = [this.#options.stack, this.#description?.stack] as const
    return this.#options.offerer ? restartingSide(...stacks) : restartingSide(stacks[1], stacks[0])
  }

  #askedToRestart(): void {
    if (!this.#isRestarting && this.#restartingSide() === this.#side) this.#offerRestart()
  }

  /** Not by simple-peer, in which only the offerer could. It does the rest: candidates, and what the answer needs. */
  #offerRestart(): void {
    this.#isRestarting = true
    const offered = this.#peer?._pc?.createOffer({ iceRestart: true }).then(async (offer) => {
      await this.#peer?._pc?.setLocalDescription(offer)
      if (!this.#closed) this.#sendDescription('offer', offer.sdp ?? '')
    })
    offered?.catch((error: unknown) => this.#events.closed(`ICE did not restart: ${messageOf(error)}`))
  }

  /** An offer of the side that restarts, or the answer that it waits for. */
  #takeRestart(signal: DescriptionSignal): void {
    const side = this.#restartingSide()
    const isWanted = signal.type === 'answer' ? this.#isRestarting : side !== undefined && side !== this.#side
    if (!isWanted) return
    this.#isRestarting = false
    if (this.#peer !== undefined) this.#give(this.#peer, signal)
  }

  /** The other side's data may make simple-peer throw. */
  #give(peer: SimplePeer, data: object): void {
    try {
      peer.signal(data)
    } catch (error) {
      this.#events.closed(`a signal was refused: ${messageOf(error)}`)
    }
  }
}

/** Without the handler by which simple-peer would close the connection at once. */
function closeQuietly(dataChannel: RTCDataChannel): void {
  dataChannel.onclose = null
  dataChannel.close()
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
