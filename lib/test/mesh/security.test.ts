import { createSignalingServer } from 'legion-signaling'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { fromBase64Url, toBase64Url } from '../../src/base/bytes.js'
import { newPeerId, type PeerId } from '../../src/base/ids.js'
import { silentLogger } from '../../src/base/logger.js'
import { Mesh } from '../../src/mesh/mesh.js'
import { nodePlatform } from '../../src/node/platform.js'
import type { Platform } from '../../src/platform.js'
import { PEER_KEY_BYTES } from '../../src/signaling/token.js'
import { HostileServer, type RoutedSignal } from './hostile-server.js'
import { info } from './simulated-meshes.js'

// Real sockets, real WebRTC, and a server that can't be trusted.

const SLOWLY = { timeout: 20_000, interval: 20 }
const SECRET = 'correct horse battery staple'
const CLUSTER = 'theatre-with-a-name-of-its-own'

let platform: Platform
const cleanups: (() => Promise<void>)[] = []

beforeAll(async () => {
  platform = await nodePlatform()
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

interface PeerParts {
  readonly id?: PeerId
  readonly secret?: string | undefined
  readonly cluster?: string
}

let boots = 0

function join(
  url: string,
  { id = newPeerId(platform.runtime), secret = SECRET, cluster = CLUSTER }: PeerParts = {},
): Mesh {
  const { runtime } = platform
  const key = runtime.randomBytes(PEER_KEY_BYTES)
  const mesh = new Mesh({
    self: { ...info(id, `boot-${++boots}`), name: 'a-name-of-a-peer' },
    runtime,
    logger: silentLogger,
    createConnector: (self) => platform.createConnector(self),
    createRendezvous: (self) =>
      platform.createRendezvous({
        self,
        cluster,
        secret: secret === '' ? undefined : secret,
        urls: [url],
        key,
        credential: () => undefined,
        runtime,
        logger: silentLogger,
      }),
  })
  cleanups.push(() => mesh.close())
  mesh.start()
  return mesh
}

async function hostileServer(): Promise<[HostileServer, string]> {
  const server = new HostileServer()
  cleanups.push(() => server.close())
  return [server, await server.listen()]
}

async function linked(a: Mesh, b: Mesh): Promise<void> {
  const isLinked = () => a.peers.has(b.self.id) && b.peers.has(a.self.id)
  await expect.poll(isLinked, SLOWLY).toBe(true)
}

/** Long enough for a dial that works. */
async function noLink(...meshes: readonly Mesh[]): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  expect(meshes.map(({ peers }) => peers.size)).toEqual(meshes.map(() => 0))
}

/** With another fingerprint, if the server can read the signal. */
function withFingerprint(signal: RoutedSignal): RoutedSignal {
  const text = Buffer.from(fromBase64Url(signal.payload) ?? []).toString('latin1')
  const swapped = text.replace(/(fingerprint:sha-256 )([0-9A-F:]{5})/gi, '$1AA:BB')
  return { ...signal, payload: toBase64Url(Buffer.from(swapped, 'latin1')) }
}

/** With one bit changed, wherever it is. */
function withFlippedBit(signal: RoutedSignal): RoutedSignal {
  const bytes = fromBase64Url(signal.payload) ?? new Uint8Array(1)
  const at = Math.floor(bytes.length / 2)
  return { ...signal, payload: toBase64Url(bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))) }
}

describe('a server in the middle', { timeout: 60_000 }, () => {
  it('[SEC1] can introduce a stranger of its choice where there is no secret', async () => {
    const [, url] = await hostileServer()
    const [member, stranger] = [join(url, { secret: '' }), join(url, { secret: '', cluster: 'another one' })]
    await linked(member, stranger)
  })

  it('[SEC1] with a secret it introduces nobody: who lacks it, or has another one, gets no link', async () => {
    const [, url] = await hostileServer()
    const member = join(url)
    const strangers = [join(url, { secret: '' }), join(url, { secret: 'a guess' })]
    await noLink(member, ...strangers)
    expect(member.status().droppedSignals).toBeGreaterThan(0)
    const other = join(url)
    await linked(member, other) // and the members find each other all the same
  })

  it('[SEC2] that swaps the fingerprints gets no link, and where it can read them it can swap them', async () => {
    const [server, url] = await hostileServer()
    let swapped = 0
    server.route = (signal) => {
      const changed = withFingerprint(signal)
      if (changed.payload !== signal.payload) swapped++
      return [changed]
    }
    await noLink(join(url, { secret: '' }), join(url, { secret: '' }))
    expect(swapped).toBeGreaterThan(0)
    for (const cleanup of cleanups.splice(1).reverse()) await cleanup()
    swapped = 0
    await linked(join(url), join(url))
    expect(swapped).toBe(0) // sealed: nothing to be found
  })

  it('[SEC2] that changes sealed signals gets no link; they are dropped and counted', async () => {
    const [server, url] = await hostileServer()
    server.route = (signal) => [withFlippedBit(signal)]
    const [a, b] = [join(url), join(url)]
    await noLink(a, b)
    expect(Math.max(a.status().droppedSignals, b.status().droppedSignals)).toBeGreaterThan(0)
    server.route = (signal) => [signal]
    await linked(a, b)
  })

  it('[SEC3] that plays everything again, to everyone, at any time, disturbs nobody', async () => {
    const [server, url] = await hostileServer()
    server.route = (signal) => [signal, signal, ...server.signals.slice(-20)]
    const [a, b] = [join(url), join(url)]
    await linked(a, b)
    expect(a.status().droppedSignals + b.status().droppedSignals).toBeGreaterThan(0)
    const recorded = [...server.signals]
    const since = server.signals.length
    for (const signal of recorded) server.deliver(signal)
    await expect.poll(() => a.status().droppedSignals + b.status().droppedSignals).toBeGreaterThan(recorded.length / 4)
    expect([a.peers.size, b.peers.size]).toEqual([1, 1])
    expect(server.signals.length - since).toBeLessThan(8) // a greeting or two
  })

  it('[SEC3] that plays a whole old session to a later process brings about no dial', async () => {
    const [server, url] = await hostileServer()
    const [x, y] = [newPeerId(platform.runtime), newPeerId(platform.runtime)].sort() as [PeerId, PeerId]
    const [a, b] = [join(url, { id: x }), join(url, { id: y })]
    await linked(a, b)
    const recorded = [...server.signals]
    for (const mesh of [a, b]) await mesh.close()
    const later = join(url, { id: y })
    await expect.poll(() => later.status().rendezvous, SLOWLY).toBe('joined')
    // Only the server says that the other one is there again: it is not.
    server.route = () => []
    const ghost = join(url, { id: x, secret: '' })
    await expect.poll(() => ghost.status().rendezvous, SLOWLY).toBe('joined')
    const before = later.status().droppedSignals
    const since = server.signals.length
    const toLater = recorded.filter(({ to }) => to === y)
    for (const signal of toLater) server.deliver(signal)
    await expect.poll(() => later.status().droppedSignals - before).toBeGreaterThan(0)
    const data = server.signals.slice(since).filter(({ from, payload }) => from === y && payload.length > 400)
    expect(data).toEqual([]) // no answer of WebRTC: those have hundreds of bytes
    expect(later.peers.size).toBe(0)
  })
})

describe('who lacks the secret', { timeout: 60_000 }, () => {
  it('[SEC4] learns neither the room nor its members of an honest server, though it knows the name', async () => {
    const server = createSignalingServer({ warmupMs: 0 })
    await server.listen(0, '127.0.0.1')
    cleanups.push(() => server.close())
    const members = [join(server.url ?? ''), join(server.url ?? '')] as [Mesh, Mesh]
    await linked(...members)
    const strangers = [join(server.url ?? '', { secret: '' }), join(server.url ?? '', { secret: 'a guess' })]
    for (const mesh of strangers) {
      await expect.poll(() => mesh.status().rendezvous, SLOWLY).toBe('joined')
      expect(mesh.status().peers).toEqual({})
    }
    for (const mesh of members) expect(Object.keys(mesh.status().peers)).toHaveLength(1)
  })

  it('[SEC5] finds on the wire no name of cluster or peers, no secret, no fingerprint, no candidate', async () => {
    const [server, url] = await hostileServer()
    await linked(join(url), join(url))
    const seen = server.frames.join('\n') + server.signals.map(({ payload }) => latin1(payload)).join('\n')
    for (const text of [CLUSTER, SECRET, 'a-name-of-a-peer', 'fingerprint', 'candidate', 'ufrag', 'boot-']) {
      expect(seen).not.toContain(text)
    }
    const open = await hostileServer()
    await linked(join(open[1], { secret: '' }), join(open[1], { secret: '' }))
    const readable = open[0].signals.map(({ payload }) => latin1(payload)).join('\n')
    expect(readable).toContain('fingerprint') // so the test would find it
    expect(open[0].frames.join('\n')).not.toContain(CLUSTER) // a hash stands for the name in any case
  })
})

function latin1(payload: string): string {
  return Buffer.from(fromBase64Url(payload) ?? []).toString('latin1')
}
