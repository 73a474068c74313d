/** What WebRTC implementations do differently in their signals; found by measuring, each with its reason. */

import type { CandidateSignal } from './webrtc-signals.js'

/**
 * Whether this side must not tell its candidates before it has the answer. A node-datachannel offerer whose candidates
 * are known may be reached while it takes the answer in, just before it has stored the fingerprint in there: then the
 * DTLS handshake fails, and with it several percent of the dials. (This also ends the lost first DTLS hello, which made
 * a fifth of the dials between two of them wait for a second.)
 */
export function holdsCandidates(offerer: boolean, stack: string): boolean {
  return offerer && stack === 'node-datachannel'
}

export function withoutCandidates(sdp: string): string {
  return sdp.replace(/^a=(candidate:|end-of-candidates).*\r?\n/gm, '')
}

/**
 * node-datachannel writes candidates as lines of SDP and without a line index; @roamhq/wrtc reads neither. With nothing
 * but a data channel the index is always 0.
 */
export function plainCandidate({ candidate, sdpMid, sdpMLineIndex }: Omit<CandidateSignal, 'type'>): CandidateSignal {
  return { type: 'candidate', candidate: candidate.replace(/^a=/, ''), sdpMid, sdpMLineIndex: sdpMLineIndex ?? 0 }
}
