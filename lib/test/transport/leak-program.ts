/**
 * Run as a process of its own with `--expose-gc`: connects and closes so many times, and prints what is left of it.
 * Arguments: the package, how often, and `links` or `bare` (RTCPeerConnections without any of this library).
 */
import { systemRuntime } from '../../src/base/system-runtime.js'
import { findWebRtc, NODE_WEBRTC_PACKAGES } from '../../src/node/webrtc.js'
import type { Connector } from '../../src/transport/channel.js'
import { Link } from '../../src/transport/link.js'
import { webrtcConnector } from '../../src/transport/webrtc-connector.js'
import { openBarePair } from './bare-pair.js'
import { closed, openPair } from './pairs.js'

/** What is left after so many connects. */
export interface Leftovers {
  readonly connects: number
  /** Of the links and channels made: not collected as garbage. */
  readonly alive: number
  readonly timers: number
  /** From the first tenth of the connects on, per connect. */
  readonly heapBytes: number
  readonly rssBytes: number
}

/** At most so many at a time: more dials of @roamhq/wrtc exhaust the process. */
const AT_ONCE = 4
/** A connection is closed some time after its channel, and native parts of it go later still. */
const SETTLE_MS = 1_000
const SETTLE_ROUNDS = 10

const runtime = systemRuntime()
let alive = 0
const registry = new FinalizationRegistry(() => alive--)

function watched<T extends object>(object: T): T {
  alive++
  registry.register(object, undefined)
  return object
}

async function connectLinks(connector: Connector): Promise<void> {
  const pair = await openPair(connector, connector)
  const a = watched(new Link(watched(pair.a), { runtime }))
  const b = watched(new Link(watched(pair.b), { runtime }))
  const answered = new Promise((resolve) => a.on('message', resolve))
  b.on('message', (lane, port, payload) => b.send(lane, port, payload))
  a.send('calls', 1, new Uint8Array(40_000))
  await answered
  const gone = Promise.all([closed(pair.a), closed(pair.b)])
  a.close('enough')
  await gone
}

async function settle(): Promise<{ readonly heapUsed: number; readonly rss: number }> {
  for (let round = 0; round < SETTLE_ROUNDS; round++) {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS / SETTLE_ROUNDS))
    globalThis.gc?.()
  }
  return process.memoryUsage()
}

async function repeat(times: number, once: () => Promise<void>): Promise<void> {
  let left = times
  const work = async () => {
    while (left-- > 0) await once()
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

const [, , name, count, what] = process.argv
const stack = await findWebRtc(NODE_WEBRTC_PACKAGES.find((known) => known === name))
const connector = webrtcConnector({ runtime, ...stack })
const once = what === 'bare' ? () => openBarePair(stack.wrtc, stack.stack) : () => connectLinks(connector)
const connects = Number(count)
const warmUp = Math.ceil(connects / 10)
await repeat(warmUp, once)
const before = await settle()
await repeat(connects - warmUp, once)
const after = await settle()
const leftovers: Leftovers = {
  connects,
  alive,
  timers: process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length,
  heapBytes: Math.round((after.heapUsed - before.heapUsed) / (connects - warmUp)),
  rssBytes: Math.round((after.rss - before.rss) / (connects - warmUp)),
}
process.stdout.write(`${JSON.stringify(leftovers)}\n`, () => process.exit())
