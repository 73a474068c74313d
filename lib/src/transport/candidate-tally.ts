import { holdsRelay } from './webrtc-quirks.js'

/** Which kinds of addresses the two sides of a connection have told each other. */
export class CandidateTally {
  #own = false
  #others = false
  #relay = false

  /** @param text a candidate of this side, or a description that may hold some */
  own(text: string): void {
    this.#own ||= holdsCandidate(text)
    this.#relay ||= holdsRelay(text)
  }

  /** The same of the other side. */
  others(text: string): void {
    this.#others ||= holdsCandidate(text)
    this.#relay ||= holdsRelay(text)
  }

  /** Both have told some, none of them a relay's. */
  get lacksRelay(): boolean {
    return this.#own && this.#others && !this.#relay
  }
}

function holdsCandidate(text: string): boolean {
  return text.includes('candidate:')
}
