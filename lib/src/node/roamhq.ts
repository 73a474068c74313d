import type { WebRtcApi } from '../transport/webrtc-connector.js'

/** What the package keeps of its native connection; every property of its own class reads from there. */
interface NativeConnection {
  readonly _pc: object
}

/**
 * The package @roamhq/wrtc, whose connections tell descriptions as they were set, without the candidates since.
 *
 * Its own getters write the text of a description in one thread while another adds a candidate to it: about one
 * connection in ten thousand ends the process by SIGSEGV. simple-peer reads them for every offer, answer and candidate.
 */
export async function loadRoamhq(): Promise<WebRtcApi> {
  const { default: wrtc } = await import('@roamhq/wrtc')

  class RTCPeerConnection extends wrtc.RTCPeerConnection {
    #local: RTCSessionDescriptionInit | null = null
    #remote: RTCSessionDescriptionInit | null = null

    constructor(configuration?: RTCConfiguration | undefined) {
      super(configuration)
      // Not in this class: its base makes properties of each object, for ever, which hide those of prototypes.
      Object.defineProperties((this as unknown as NativeConnection)._pc, {
        localDescription: { get: () => this.#local },
        remoteDescription: { get: () => this.#remote },
      })
    }

    override async setLocalDescription(description: RTCSessionDescriptionInit): Promise<void> {
      await super.setLocalDescription(description)
      this.#local = description
    }

    override async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
      await super.setRemoteDescription(description)
      this.#remote = description
    }
  }

  const { RTCSessionDescription, RTCIceCandidate } = wrtc
  return { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate }
}
