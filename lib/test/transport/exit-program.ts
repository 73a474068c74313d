/** Run as a process of its own: does what it is told with channels, closes them, and must then end by itself. */
import { NODE_WEBRTC_PACKAGES, type NodeWebRtcPackage } from '../../src/node/webrtc.js'
import type { ChannelPair } from '../../src/testing/channel-contract.js'
import { closed, dial, nodeConnector, openPair } from './pairs.js'

async function exchange({ a, b }: ChannelPair): Promise<void> {
  const echoed = new Promise((resolve) => a.on('message', resolve))
  b.on('message', (message) => b.send(message))
  a.send(Uint8Array.of(1, 2, 3))
  await echoed
  const closedAtB = closed(b)
  a.close()
  await closedAtB
}

const packageNamed = (name: string | undefined) =>
  NODE_WEBRTC_PACKAGES.find((known) => known === name) as NodeWebRtcPackage
const [, , offererName, answererName, what] = process.argv
const offerer = await nodeConnector(packageNamed(offererName))
const answerer = await nodeConnector(packageNamed(answererName))
const count = what === 'hundred' ? 100 : what === 'once' ? 1 : 0
for (let i = 0; i < count; i++) await exchange(await openPair(offerer, answerer))
if (what === 'abandoned') {
  const { a, b } = dial(offerer, answerer)
  setTimeout(() => {
    a.close()
    b.close()
  }, 5)
}
process.stdout.write(`exchanged ${count}\n`)
