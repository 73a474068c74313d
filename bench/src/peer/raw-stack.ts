import type { Stack, WebRtc } from './raw-connection.js'

export async function loadStack(stack: Stack): Promise<WebRtc> {
  const holdsCandidates = stack === 'node-datachannel'
  const loaded: unknown = holdsCandidates
    ? await import('node-datachannel/polyfill')
    : (await import('@roamhq/wrtc')).default
  return { ...(loaded as Pick<WebRtc, 'RTCPeerConnection'>), holdsCandidates }
}
