import type { Stack, WebRtc } from './raw-connection.js'

/** An implementation for Node. */
export async function loadStack(stack: Stack): Promise<WebRtc> {
  const offererHoldsCandidates = stack === 'node-datachannel'
  const loaded: unknown = offererHoldsCandidates
    ? await import('node-datachannel/polyfill')
    : (await import('@roamhq/wrtc')).default
  return { ...(loaded as Pick<WebRtc, 'RTCPeerConnection'>), offererHoldsCandidates }
}
