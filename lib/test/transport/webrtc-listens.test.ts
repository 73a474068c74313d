import { expect, it } from 'vitest'
import type { Runtime } from '../../src/base/runtime.js'
import { systemRuntime } from '../../src/base/system-runtime.js'
import { findWebRtc } from '../../src/node/webrtc.js'
import type { Connector } from '../../src/transport/channel.js'
import { webrtcConnector } from '../../src/transport/webrtc-connector.js'
import { closed, dial, nodeConnector, opened } from './pairs.js'

const PATIENCE_MS = 60_000
const STACK = '@roamhq/wrtc'

/** Says that it is Chromium. @param runtime its clock */
async function chromium(runtime: Runtime): Promise<Connector> {
  return webrtcConnector({ runtime, wrtc: (await findWebRtc(STACK)).wrtc, stack: 'chromium' })
}

/** A clock that stands still. `rang` resolves with what the first timer would have done. */
function stopped() {
  let ring: (fn: () => void) => void = () => {}
  const rang = new Promise<() => void>((resolve) => {
    ring = resolve
  })
  const setTimer = (_: number, fn: () => void) => {
    ring(fn)
    return { cancel: () => {} }
  }
  return { runtime: { ...systemRuntime(), setTimer }, rang }
}

it('[CON27] an answerer in Chromium is open with the first message of the other side', {
  timeout: PATIENCE_MS,
}, async () => {
  const { runtime, rang } = stopped()
  const { a, b } = dial(await nodeConnector(STACK), await chromium(runtime))
  const events: string[] = []
  b.on('open', () => events.push('open'))
  b.on('message', (message) => events.push(`message of ${message.length}`))
  await Promise.all([opened(a), rang])
  expect(b.state).toBe('connecting')
  a.send(new Uint8Array(7))
  await opened(b)
  expect(events).toEqual(['open', 'message of 7'])
  a.close()
  await closed(b)
})

it('[CON27] … or after a while, if the other side says nothing', { timeout: PATIENCE_MS }, async () => {
  const { runtime, rang } = stopped()
  const { a, b } = dial(await nodeConnector(STACK), await chromium(runtime))
  const openNow = await rang
  expect(b.state).toBe('connecting')
  openNow()
  expect(b.state).toBe('open')
  await opened(a)
  a.close()
  await closed(b)
})

it('[CON27] an offerer speaks at once', { timeout: PATIENCE_MS }, async () => {
  const { a, b } = dial(await chromium(stopped().runtime), await nodeConnector(STACK))
  await Promise.all([opened(a), opened(b)])
  a.close()
  await closed(b)
})
