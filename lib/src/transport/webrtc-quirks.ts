/** What WebRTC implementations do differently in their signals; found by measuring, each with its reason. */

import type { CandidateSignal, DescriptionSignal } from './webrtc-signals.js'

const NODE_DATACHANNEL = 'node-datachannel'
const CHROMIUM = 'chromium'

/** Whether this machine is in the same network as an address, of IPv4 or IPv6, or a name, of which it says no. */
export type SharesNetwork = (address: string) => boolean

interface Answerer {
  readonly stack: string
  readonly sharesNetwork: SharesNetwork | undefined
}

/**
 * Whether this side tells its candidates after it has the answer. Of a node-datachannel offerer nothing else is known to be
 * safe: an answerer that reaches it earlier sends it a first DTLS flight before it can take one, which is repeated after
 * a second.
 *
 * What such an offer says of candidates all the same is for an answerer that `isNear`: see there.
 */
export function tellsCandidatesLate(offerer: boolean, stack: string): boolean {
  return offerer && stack === NODE_DATACHANNEL
}

/**
 * Whether two of node-datachannel, this one the answerer, connect in the quick way. What makes it quick:
 *
 * - libjuice answers a check that it did not expect with its own only 50 ms later, unless that check came before the
 *   description of the other side: then at once. So the answerer checks the offerer's candidates before it answers.
 * - A first DTLS flight is lost, for a second, if it comes before ICE has connected there. So the answerer, who is
 *   connected first, must be the server: it takes the offer as one of `setup:active`, and answers when it is connected.
 *
 * Where a NAT drops the answerer's checks the offerer would be connected first, and lose that second. Hence only on a
 * network of our own: there checks arrive. And only for who dials again: of the offerer's threads one may verify the
 * answerer's certificate before another has stored the fingerprint that the answer brought. Then both sides see at once
 * that the handshake failed. It happens where processors are overloaded.
 */
export function isNear(offer: DescriptionSignal, { stack, sharesNetwork }: Answerer): boolean {
  if (sharesNetwork === undefined || stack !== NODE_DATACHANNEL || offer.stack !== NODE_DATACHANNEL) return false
  return hostAddresses(offer.sdp).some(sharesNetwork)
}

/**
 * Whether this side listens before it speaks. An answerer in Chromium (156) loses, in one of a hundred connections, what
 * it sends at once: `send` takes it, but it is never counted as sent, whatever the states of channel, SCTP and DTLS say.
 * Waiting for the `open` event or for another task does not help; when the other side's first message is here it is over.
 */
export function listensFirst(offerer: boolean, stack: string): boolean {
  return !offerer && stack === CHROMIUM
}

/** What the answerer makes of an offer. */
export function arrangedOffer(offer: DescriptionSignal, isNear: boolean): DescriptionSignal {
  if (isNear) return { ...offer, sdp: offer.sdp.replace('a=setup:actpass', 'a=setup:active') }
  return offer.stack === NODE_DATACHANNEL ? { ...offer, sdp: withoutCandidates(offer.sdp) } : offer
}

function hostAddresses(sdp: string): string[] {
  return [...sdp.matchAll(/^a=candidate:\S+ \d+ udp \d+ (\S+) \d+ typ host/gim)].map(([, address = '']) => address)
}

function withoutCandidates(sdp: string): string {
  return sdp.replace(/^a=(candidate:|end-of-candidates).*\r?\n/gm, '')
}

/**
 * node-datachannel writes candidates as lines of SDP and without a line index; @roamhq/wrtc reads neither. With nothing
 * but a data channel the index is always 0.
 */
export function plainCandidate({ candidate, sdpMid, sdpMLineIndex }: Omit<CandidateSignal, 'type'>): CandidateSignal {
  return { type: 'candidate', candidate: candidate.replace(/^a=/, ''), sdpMid, sdpMLineIndex: sdpMLineIndex ?? 0 }
}

/** Implementations whose connections survive a restart of ICE with each other. */
const RESTARTABLE: ReadonlySet<string | undefined> = new Set([CHROMIUM, 'firefox', 'roamhq'])

/**
 * Which side of a connection can restart ICE, undefined if none. With node-datachannel at either end it never works;
 * when another one offers it to Firefox the data channel dies, although ICE says `connected`.
 */
export function restartingSide(
  offerer: string | undefined,
  answerer: string | undefined,
): 'offerer' | 'answerer' | undefined {
  if (!RESTARTABLE.has(offerer) || !RESTARTABLE.has(answerer)) return undefined
  return answerer === 'firefox' ? 'answerer' : 'offerer'
}

/** Of a candidate, or of a description that holds some. */
export function holdsRelay(text: string): boolean {
  return / typ relay\b/.test(text)
}
