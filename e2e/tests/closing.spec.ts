import type { LabTab } from '../harness/tab.js'
import { expect, test } from '../harness/test.js'

/** What the page opened, filled by `instrument`. */
declare global {
  var opened: { readonly connections: RTCPeerConnection[]; readonly sockets: WebSocket[] }
}

for (const browser of ['chromium', 'firefox'] as const) {
  test(`[LEG13] close leaves no connection and no socket open in ${browser}`, async ({ cluster }) => {
    await cluster.openTab({ name: 'other' })
    const tab = await cluster.openLab({ name: 'closing', browser })
    await instrument(tab)
    await tab.join()
    await tab.until(() => lab.peerNames.length === 1)
    expect(await stillOpen(tab)).toEqual({ connections: 1, sockets: 1 })

    await tab.page.evaluate(() => lab.legion.close())
    await tab.until(() => opened.sockets.every(({ readyState }) => readyState === WebSocket.CLOSED))
    expect(await stillOpen(tab)).toEqual({ connections: 0, sockets: 0 })
  })
}

test('[LEG14] a Legion can be opened, closed and opened again at once', async ({ cluster }) => {
  const other = await cluster.openTab({ name: 'other' })
  const tab = await cluster.openLab({ name: 'again' })
  tab.expectProblem(/closed before the connection is established/) // Chromium's comment on a close that early.
  await instrument(tab)
  await tab.page.evaluate((options) => {
    const first = lab.open(options) // as React does in StrictMode
    void first.close()
    return lab.join(options)
  }, tab.options)
  await other.until(() => lab.memberNames.length === 2)
  expect(await other.page.evaluate(() => lab.peerNames)).toEqual(['again'])
  expect(await tab.page.evaluate(() => lab.legion.applyConsistent('reserve', '12A'))).toMatchObject({ ok: true })
  expect(await stillOpen(tab)).toEqual({ connections: 1, sockets: 1 })
})

test('[LEG14] a Legion that was in a cluster comes back to it as a new peer', async ({ cluster }) => {
  const other = await cluster.openTab({ name: 'other' })
  const tab = await cluster.openTab({ name: 'again' })
  const before = await tab.id
  await tab.page.evaluate((options) => {
    void lab.legion.close()
    return lab.join(options)
  }, tab.options)
  expect(await tab.id).not.toBe(before)
  await other.until((id) => lab.legion.members.every(({ peer }) => peer !== id) && lab.memberNames.length === 2, before)
  expect(await other.page.evaluate(() => lab.peerNames)).toEqual(['again'])
})

test('[LEG16] a page that comes back from the back/forward cache is told that it has left', async ({ cluster }) => {
  const other = await cluster.openTab({ name: 'other' })
  const tab = await cluster.openTab({ name: 'put away' })
  const told = await tab.page.evaluate(() => {
    const { legion } = lab
    return new Promise<string>((resolve) => {
      legion.on('error', ({ code }) => resolve(code))
      dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))
      dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))
    })
  })
  expect(told).toBe('E_CLOSED')
  await other.until(() => lab.peerNames.length === 0)
})

/** Loads the page anew, with constructors that keep what they made. */
async function instrument(tab: LabTab): Promise<void> {
  await tab.page.addInitScript(() => {
    const connections: RTCPeerConnection[] = []
    const sockets: WebSocket[] = []
    globalThis.opened = { connections, sockets }
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration)
        connections.push(this)
      }
    }
    globalThis.WebSocket = class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols)
        sockets.push(this)
      }
    }
  })
  await tab.page.reload()
}

function stillOpen(tab: LabTab): Promise<{ connections: number; sockets: number }> {
  return tab.page.evaluate(() => ({
    connections: opened.connections.filter(({ signalingState }) => signalingState !== 'closed').length,
    sockets: opened.sockets.filter(({ readyState }) => readyState !== WebSocket.CLOSED).length,
  }))
}
