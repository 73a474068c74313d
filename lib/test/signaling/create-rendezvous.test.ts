import { afterEach, describe, expect, it, vi } from 'vitest'
import { silentLogger } from '../../src/base/logger.js'
import { createRendezvous } from '../../src/signaling/create-rendezvous.js'
import type { Rendezvous } from '../../src/signaling/rendezvous.js'
import { deriveRoomSecrets } from '../../src/signaling/sealing.js'
import { ClientBench, cluster, KEY, peer, Recorder, ROOM, SLOWLY, welcome } from './harness.js'

const SELF = { id: peer('me'), durable: false, clusterId: undefined }

interface Parts {
  readonly secret?: string | undefined
  readonly urls?: readonly string[] | undefined
  readonly subtle?: SubtleCrypto | undefined
}

function create(bench: ClientBench, { secret, urls = ['ws://one'], subtle }: Parts): Rendezvous {
  const { runtime, openSocket } = bench
  const logger = silentLogger
  return createRendezvous({ cluster: 'theatre', secret, urls, key: KEY, runtime, openSocket, logger, subtle })
}

describe('createRendezvous', { timeout: 30_000 }, () => {
  afterEach(() => void vi.unstubAllGlobals())

  it('[SGC12] joins an open cluster at once, even where there is no crypto.subtle', () => {
    vi.stubGlobal('crypto', {})
    const bench = new ClientBench()
    create(bench, {}).join(SELF, bench.events)
    bench.socket.accept()
    expect(bench.socket.take()[0]).toMatchObject({ type: 'hello', room: ROOM })
  })

  it('[SGC16] refuses a secret where there is no crypto.subtle, and says what to do', () => {
    vi.stubGlobal('crypto', {})
    const act = () => create(new ClientBench(), { secret: 'open sesame' })
    expect(act).toThrow(expect.objectContaining({ code: 'E_UNSUPPORTED', message: expect.stringContaining('https') }))
  })

  it('[SGC16] refuses an empty secret and an empty list of servers', () => {
    const invalid = expect.objectContaining({ code: 'E_INVALID' })
    expect(() => create(new ClientBench(), { secret: '' })).toThrow(invalid)
    expect(() => create(new ClientBench(), { urls: [] })).toThrow(invalid)
  })

  it('[SGC17] connects to every server', async () => {
    const bench = new ClientBench()
    create(bench, { urls: ['ws://one', 'ws://two'] }).join(SELF, bench.events)
    await expect.poll(() => bench.sockets.map((socket) => socket.url), SLOWLY).toEqual(['ws://one', 'ws://two'])
  })

  it('[SGC18] derives the room of a secret first, and forgets no request meanwhile', async () => {
    const bench = new ClientBench()
    const rendezvous = create(bench, { secret: 'open sesame' })
    rendezvous.join(SELF, bench.events)
    rendezvous.found(cluster('x'))
    expect(rendezvous.status).toBe('connecting')
    expect(rendezvous.send(peer('a'), new Uint8Array(1))).toBe(false)
    await expect.poll(() => bench.sockets.length, SLOWLY).toBe(1)
    bench.socket.accept()
    bench.socket.say(welcome())
    const { room } = await deriveRoomSecrets('theatre', 'open sesame', globalThis.crypto.subtle)
    expect(bench.socket.take()).toMatchObject([{ room }, { type: 'found', clusterId: cluster('x') }])
    expect(rendezvous.status).toBe('joined')
  })

  it('[SGC18] can be left meanwhile, and never joins then', async () => {
    const bench = new ClientBench()
    const [derived, subtle] = watched()
    const rendezvous = create(bench, { secret: 'open sesame', subtle })
    rendezvous.join(SELF, bench.events)
    await rendezvous.leave()
    await derived
    await bench.clock.run(0)
    expect(bench.sockets).toEqual([])
    expect(rendezvous.status).toBe('left')
  })

  it('[SGC18] is offline, with the reason, if the platform cannot derive it', async () => {
    const events = new Recorder()
    const subtle = { importKey: () => Promise.reject(new Error('no PBKDF2')) } as unknown as SubtleCrypto
    create(new ClientBench(), { secret: 'open sesame', subtle }).join(SELF, events)
    await expect.poll(() => events.statuses, SLOWLY).toEqual([['offline', expect.stringContaining('no PBKDF2')]])
  })
})

/** The platform's cryptography, and a promise for the end of the derivation's last step. */
function watched(): [Promise<void>, SubtleCrypto] {
  const { subtle } = globalThis.crypto
  let done = () => {}
  const derived = new Promise<void>((resolve) => {
    done = resolve
  })
  const deriveKey = (...args: Parameters<SubtleCrypto['deriveKey']>) => subtle.deriveKey(...args).finally(done)
  return [
    derived,
    {
      importKey: subtle.importKey.bind(subtle),
      deriveBits: subtle.deriveBits.bind(subtle),
      deriveKey,
    } as unknown as SubtleCrypto,
  ]
}
