import type { WebRtcApi } from '../../src/transport/webrtc-connector.js'

interface Api {
  readonly RTCPeerConnection: typeof RTCPeerConnection
}

/** Opens a connection between two bare RTCPeerConnections, sends something there and back, and closes both. */
export async function openBarePair(api: WebRtcApi, stack: string): Promise<void> {
  const { RTCPeerConnection } = api as unknown as Api
  const a = new RTCPeerConnection({ iceServers: [] })
  const b = new RTCPeerConnection({ iceServers: [] })
  const channel = a.createDataChannel('bare')
  const answered = new Promise((resolve) => {
    channel.onmessage = resolve
  })
  b.ondatachannel = ({ channel: other }) => {
    other.onmessage = ({ data }) => other.send(data)
  }
  const opened = new Promise((resolve) => {
    channel.onopen = resolve
  })
  await negotiate(a, b, stack)
  await opened
  channel.send(new Uint8Array(40_000))
  await answered
  channel.close()
  a.close()
  b.close()
}

/** As `tellsCandidatesLate`: the offerer's candidates of node-datachannel wait for the answer. */
async function negotiate(a: RTCPeerConnection, b: RTCPeerConnection, stack: string): Promise<void> {
  const held: RTCIceCandidate[] = []
  let isAnswered = false
  a.onicecandidate = ({ candidate }) => {
    if (!candidate?.candidate) return
    if (isAnswered) void b.addIceCandidate(candidate)
    else held.push(candidate)
  }
  b.onicecandidate = ({ candidate }) => {
    if (candidate?.candidate && stack !== 'node-datachannel') void a.addIceCandidate(candidate)
  }
  const offer = await a.createOffer()
  await a.setLocalDescription(offer)
  await b.setRemoteDescription({ type: 'offer', sdp: withoutCandidates(offer.sdp ?? '') })
  const answer = await b.createAnswer()
  await b.setLocalDescription(answer)
  await a.setRemoteDescription(b.localDescription ?? answer)
  isAnswered = true
  for (const candidate of held) void b.addIceCandidate(candidate)
}

function withoutCandidates(sdp: string): string {
  return sdp.replace(/^a=(candidate:|end-of-candidates).*\r?\n/gm, '')
}
