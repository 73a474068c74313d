import { LegionError } from '../base/errors.js'
import type { WebRtcApi } from '../transport/webrtc-connector.js'
import { loadNodeDataChannel } from './node-datachannel.js'
import { loadRoamhq } from './roamhq.js'

/** The packages known to work, the faster first. */
export const NODE_WEBRTC_PACKAGES = ['node-datachannel', '@roamhq/wrtc'] as const
export type NodeWebRtcPackage = (typeof NODE_WEBRTC_PACKAGES)[number]

/** What `webrtcConnector` needs. */
export interface NodeWebRtc {
  readonly stack: string
  readonly wrtc: WebRtcApi
}

interface Candidate {
  readonly stack: string
  load(): Promise<WebRtcApi>
}

const CANDIDATES: Readonly<Record<NodeWebRtcPackage, Candidate>> = {
  'node-datachannel': { stack: 'node-datachannel', load: loadNodeDataChannel },
  '@roamhq/wrtc': { stack: 'roamhq', load: loadRoamhq },
}

/**
 * The WebRTC implementation installed beside this package.
 * @param only one of them by name; default: the fastest that loads
 * @throws LegionError E_UNSUPPORTED if none loads; `cause` holds why
 */
export async function findWebRtc(only?: NodeWebRtcPackage | undefined): Promise<NodeWebRtc> {
  const problems: unknown[] = []
  for (const name of only === undefined ? NODE_WEBRTC_PACKAGES : [only]) {
    try {
      return { stack: CANDIDATES[name].stack, wrtc: await CANDIDATES[name].load() }
    } catch (error) {
      problems.push(error)
    }
  }
  const missing = only ?? NODE_WEBRTC_PACKAGES[0]
  throw new LegionError('E_UNSUPPORTED', `Node has no WebRTC of its own. Run: npm install ${missing}`, {
    cause: new AggregateError(problems),
  })
}
