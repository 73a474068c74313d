import type { PeerId } from 'legion-mesh'
import type { LabTab } from '../harness/tab.js'
import { expect, test } from '../harness/test.js'

const MIB = 1024 * 1024

/** Two tabs of Chromium and one of Firefox, all linked. */
const trio = test.extend<{ tabs: readonly [LabTab, LabTab, LabTab] }>({
  tabs: async ({ cluster }, use) => {
    const tabs = [
      await cluster.openTab({ name: 'one' }),
      await cluster.openTab({ name: 'two' }),
      await cluster.openTab({ name: 'fox', browser: 'firefox' }),
    ] as const
    for (const tab of tabs) await tab.until(() => lab.peerNames.length === 2)
    await use(tabs)
  },
})

trio('[LEG7] calls are answered, casts arrive, between tabs of two browsers', async ({ tabs: [one, two, fox] }) => {
  const [twoId, foxId] = [await two.id, await fox.id]
  const answers = await one.page.evaluate(
    async (peers) => {
      const { legion } = lab
      return {
        sums: await Promise.all(peers.map((peer, a) => legion.call(peer, 'add', { a, b: 41 }))),
        calledBack: await legion.call(peers[1], 'callBack', 20),
      }
    },
    [twoId, foxId] as const,
  )
  expect(answers).toEqual({ sums: [41, 42], calledBack: 42 })

  const text = 'cast to one'
  await fox.page.evaluate(({ to, text }) => lab.legion.cast(to, 'note', text), { to: await one.id, text })
  await one.until((count) => lab.notes.length === count, 1)
  expect(await one.page.evaluate(() => lab.notes)).toEqual([{ from: foxId, text }])
})

trio('[LEG7] a broadcast reaches every other peer, a broadcall is answered by each', async ({ tabs }) => {
  const [one, two, fox] = tabs
  const answers = await one.page.evaluate(async () => {
    lab.legion.broadcast('note', 'to all')
    return Object.fromEntries(await lab.legion.broadcall('add', { a: 1, b: 1 }))
  })
  expect(answers).toEqual({ [await two.id]: { ok: true, value: 2 }, [await fox.id]: { ok: true, value: 2 } })
  for (const tab of [two, fox]) {
    await tab.until((count) => lab.notes.length === count, 1)
    expect(await tab.page.evaluate(() => lab.notes)).toEqual([{ from: await one.id, text: 'to all' }])
  }
  expect(await one.page.evaluate(() => lab.notes)).toEqual([])
})

trio('[LEG8] a failed call says what happened', async ({ tabs: [one, two, fox] }) => {
  for (const other of [two, fox]) {
    other.expectProblem(/^No handler for nobody/) // It is logged there.
    const errors = await one.page.evaluate(
      async (peer) => {
        const { legion } = lab
        const unknown = legion.messages<{ nobody: () => void }>()
        const calls = [
          legion.call(peer, 'refuse'),
          unknown.call(peer, 'nobody'),
          legion.call(peer, 'hang', undefined, { timeoutMs: 200 }),
        ]
        const failures = await Promise.allSettled(calls)
        return failures.map((failure) => failure.status === 'rejected' && { ...failure.reason })
      },
      await other.id,
    )
    expect(errors).toMatchObject([
      { code: 'E_REMOTE', outcome: 'unknown', details: { code: 'E_INVALID', message: 'refused on purpose' } },
      { code: 'E_NO_HANDLER', outcome: 'not-applied' },
      { code: 'E_TIMEOUT', outcome: 'unknown' },
    ])
  }
})

trio('[LEG8] calls that wait for a tab fail when it is closed', async ({ tabs: [one, two] }) => {
  const failed = one.page.evaluate(
    (peer) => lab.legion.call(peer, 'hang').catch(({ code, outcome }) => ({ code, outcome })),
    await two.id,
  )
  await two.close()
  expect(await failed).toEqual({ code: 'E_NO_PEER', outcome: 'unknown' })
})

trio('[LEG9] payloads of bytes arrive unchanged, up to several MiB', async ({ tabs: [one, two, fox] }) => {
  for (const other of [two, fox]) {
    for (const sizeBytes of [0, 1, 70_000, 3 * MIB]) {
      const intact = await one.page.evaluate(bytesComeBack, { peer: await other.id, sizeBytes })
      expect(intact, `${sizeBytes} bytes to ${other.name} and back`).toBe(true)
    }
  }
})

async function bytesComeBack({ peer, sizeBytes }: { peer: PeerId; sizeBytes: number }) {
  const sent = Uint8Array.from({ length: sizeBytes }, (_, index) => (index * 31) & 0xff)
  const received = await lab.legion.call(peer, 'bytes', sent)
  return (
    received instanceof Uint8Array &&
    received.length === sizeBytes &&
    received.every((byte, i) => byte === ((sent[i] ?? 0) ^ 0xff))
  )
}
