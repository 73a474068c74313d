/** A WebRTC implementation in Node, by its package. */
export type Stack = 'node-datachannel' | '@roamhq/wrtc'

export type RawSignal = { readonly sdp: RTCSessionDescriptionInit } | { readonly candidate: RTCIceCandidateInit }

export interface RawConnectionOptions {
  readonly webRtc: WebRtc
  readonly offerer: boolean
  readonly send: (signal: RawSignal) => void
}

/** A WebRTC implementation. */
export interface WebRtc {
  readonly RTCPeerConnection: typeof RTCPeerConnection
  /** The offerer's candidates wait for the answer: of node-datachannel, many dials take a second otherwise. */
  readonly offererHoldsCandidates: boolean
}

/** One connection with one data channel and nothing above it: what the library can't be faster than. */
export class RawConnection {
  readonly opened: Promise<RTCDataChannel>
  readonly #connection: RTCPeerConnection
  readonly #options: RawConnectionOptions
  /** Candidates wait at least for the description that they belong to. Undefined: they need not wait any more. */
  #heldCandidates: RawSignal[] | undefined = []
  #handled: Promise<void> = Promise.resolve()

  constructor(options: RawConnectionOptions) {
    this.#options = options
    this.#connection = new options.webRtc.RTCPeerConnection({ iceServers: [] })
    this.#connection.onicecandidate = ({ candidate }) => this.#sendCandidate(candidate)
    this.opened = this.#openChannel().then(whenOpen)
    if (options.offerer) this.#handled = this.#offer()
  }

  signal(signal: RawSignal): void {
    this.#handled = this.#handled.then(() => this.#handle(signal))
  }

  async close(): Promise<void> {
    const channel = await this.opened
    channel.close()
    this.#connection.close()
  }

  #openChannel(): Promise<RTCDataChannel> {
    if (this.#options.offerer) return Promise.resolve(this.#connection.createDataChannel('raw'))
    return new Promise((resolve) => {
      this.#connection.ondatachannel = ({ channel }) => resolve(channel)
    })
  }

  async #offer(): Promise<void> {
    await this.#describe(await this.#connection.createOffer())
  }

  async #handle(signal: RawSignal): Promise<void> {
    if ('candidate' in signal) {
      // A connection that is open or closed by now may refuse it; without one that it needs it never opens.
      await this.#connection.addIceCandidate(signal.candidate).catch(() => {})
      return
    }
    await this.#connection.setRemoteDescription(signal.sdp)
    if (signal.sdp.type === 'offer') await this.#describe(await this.#connection.createAnswer())
    this.#releaseCandidates()
  }

  async #describe({ type, sdp = '' }: RTCSessionDescriptionInit): Promise<void> {
    await this.#connection.setLocalDescription({ type, sdp })
    this.#options.send({ sdp: { type, sdp: sdp.replace(/^a=(candidate:|end-of-candidates).*\r?\n/gm, '') } })
    if (type === 'answer' || !this.#options.webRtc.offererHoldsCandidates) this.#releaseCandidates()
  }

  #releaseCandidates(): void {
    for (const held of this.#heldCandidates ?? []) this.#options.send(held)
    this.#heldCandidates = undefined
  }

  #sendCandidate(candidate: RTCIceCandidate | null): void {
    if (!candidate?.candidate) return
    const { sdpMid, sdpMLineIndex } = candidate
    const signal = { candidate: { candidate: candidate.candidate, sdpMid, sdpMLineIndex } }
    if (this.#heldCandidates === undefined) this.#options.send(signal)
    else this.#heldCandidates.push(signal)
  }
}

function whenOpen(channel: RTCDataChannel): Promise<RTCDataChannel> {
  channel.binaryType = 'arraybuffer'
  if (channel.readyState === 'open') return Promise.resolve(channel)
  return new Promise((resolve) => {
    channel.onopen = () => resolve(channel)
  })
}
