/** What WebRTC implementations for Node do differently; found by measuring, each with its reason. */

import type { IceServer } from './channel.js'
import type { CandidateSignal } from './webrtc-signals.js'

const NODE_DATACHANNEL = 'node-datachannel'

/** simple-peer assigns to `description.sdp`, which node-datachannel makes read-only: hands out plain objects instead. */
export function useWritableDescriptions(connection: RTCPeerConnection): void {
  const createOffer = connection.createOffer.bind(connection)
  const createAnswer = connection.createAnswer.bind(connection)
  const writable = ({ type, sdp }: RTCSessionDescriptionInit) => ({ type, sdp: sdp ?? '' })
  Object.assign(connection, {
    createOffer: async (options: RTCOfferOptions) => writable(await createOffer(options)),
    createAnswer: async (options: RTCAnswerOptions) => writable(await createAnswer(options)),
  })
}

/** node-datachannel puts user and password into a URL as they are; it also changes the objects that it is given. */
export function adaptIceServer(server: IceServer, stack: string): IceServer {
  const { username, credential } = server
  if (stack !== NODE_DATACHANNEL || username === undefined || credential === undefined) return { ...server }
  return { urls: server.urls, username: encodeURIComponent(username), credential: encodeURIComponent(credential) }
}

/**
 * Whether this side must not tell its candidates before it has the answer. A node-datachannel offerer whose candidates
 * are known may be reached while it takes the answer in, just before it has stored the fingerprint in there: then the
 * DTLS handshake fails, and with it several percent of the dials. (This also ends the lost first DTLS hello and its
 * second of waiting.)
 */
export function holdsCandidates(offerer: boolean, stack: string): boolean {
  return offerer && stack === NODE_DATACHANNEL
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
