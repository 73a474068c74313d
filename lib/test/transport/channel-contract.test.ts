import { describe, it } from 'vitest'
import { systemRuntime } from '../../src/base/system-runtime.js'
import { NODE_WEBRTC_PACKAGES } from '../../src/node/webrtc.js'
import { describeChannelContract } from '../../src/testing/channel-contract.js'
import { MemoryHub, memoryChannelPair } from '../../src/transport/memory-channel.js'
import { nodeConnector, openPair } from './pairs.js'

const runner = { describe, it }

describeChannelContract('memory pair', async () => memoryChannelPair({ runtime: systemRuntime(), delayMs: 1 }), runner)

describeChannelContract(
  'memory connectors',
  async () => {
    const hub = new MemoryHub({ runtime: systemRuntime() })
    return openPair(hub.connector(), hub.connector())
  },
  runner,
)

for (const offerer of NODE_WEBRTC_PACKAGES) {
  for (const answerer of NODE_WEBRTC_PACKAGES) {
    describeChannelContract(
      `${offerer} offers to ${answerer}`,
      async () => openPair(await nodeConnector(offerer), await nodeConnector(answerer)),
      runner,
    )
  }
}
