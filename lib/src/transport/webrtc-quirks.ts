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

/** Implementations whose connections survive a restart of ICE with each other. */
const RESTARTABLE: ReadonlySet<string | undefined> = new Set(['chromium', 'firefox', 'roamhq'])

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
