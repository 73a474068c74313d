import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Legion } from 'legion-mesh'
import { nodePlatform } from 'legion-mesh/node'
import { createSignalingServer, type SignalingServer } from 'legion-signaling'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CLI, RunningPeer } from './running-peer.js'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const LIGHTS = path('./machines/lights.mjs')

describe.skipIf(!existsSync(CLI))('legion-peer (needs `npm run build`)', { timeout: 60_000 }, () => {
  let server: SignalingServer
  let url: string
  let peers: RunningPeer[]

  beforeEach(async () => {
    peers = []
    server = createSignalingServer({ warmupMs: 0 })
    await server.listen(0, '127.0.0.1')
    url = server.url ?? ''
  })

  afterEach(async () => {
    for (const peer of peers) peer.kill('SIGKILL')
    await Promise.all(peers.map((peer) => peer.exited))
    await server.close()
  })

  function start(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): RunningPeer {
    const peer = new RunningPeer(['--cluster', 'lights', '--signaling', url, ...args], env)
    peers.push(peer)
    return peer
  }

  it('[PEE3] founds, is joined over the other WebRTC implementation, hands over on SIGTERM', async () => {
    const first = start(['--machine', LIGHTS, '--name', 'first', '--webrtc', 'node-datachannel'])
    expect(await first.event('ready')).toMatchObject({ role: 'voter', leader: 'first', members: ['first'] })
    const second = start(['--machine', LIGHTS, '--name', 'second', '--webrtc', 'roamhq'])
    expect(await second.event('ready')).toMatchObject({ leader: 'first', members: ['first', 'second'] })
    expect(await first.event('peer-joined')).toMatchObject({ name: 'second', kind: 'node', stack: 'roamhq' })

    first.kill('SIGTERM')
    expect(await first.exited).toEqual([0, null])
    await second.event('leader', ({ isSelf }) => isSelf === true)
    expect(await second.event('peer-left')).toMatchObject({ name: 'first', reason: 'goodbye' })
    second.kill('SIGINT')
    expect(await second.exited).toEqual([0, null])
  })

  it('[PEE4] ends with E_MACHINE and code 1 if the cluster runs another machine', async () => {
    const first = start(['--machine', LIGHTS])
    await first.event('ready')
    const second = start()
    expect(await second.exited).toEqual([1, null])
    expect(second.stderr).toMatch(/^legion-peer: E_MACHINE: .*"lights".*"kv"/m)
  })

  it('[PEE5] admits to a cluster with a secret only who has it in LEGION_SECRET', async () => {
    const first = start(['--name', 'first'], { LEGION_SECRET: 'sesame' })
    await first.event('ready')
    const second = start(['--name', 'second'], { LEGION_SECRET: 'sesame' })
    const stranger = start(['--name', 'stranger'])
    expect(await second.event('ready')).toMatchObject({ members: ['first', 'second'] })
    expect(await stranger.event('ready')).toMatchObject({ members: ['stranger'] })
  })

  it('[PEE6] serves its health and its status', async () => {
    const peer = start(['--http', '0'])
    const { port } = await peer.event('http')
    const get = (route: string) => fetch(`http://127.0.0.1:${port}${route}`)
    await peer.event('ready')
    const health = await get('/healthz')
    expect([health.status, await health.text()]).toEqual([200, 'ok\n'])
    expect(await (await get('/status')).json()).toMatchObject({ isReady: true, self: { kind: 'node' } })
    expect((await get('/')).status).toBe(404)
  })

  it('[PEE6] is not healthy without a signaling server, and ends all the same', async () => {
    await server.close()
    const peer = start(['--http', '0'])
    const { port } = await peer.event('http')
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(503)
    expect(await peer.event('signaling')).toMatchObject({ status: 'offline', problem: expect.any(String) })
    peer.kill('SIGINT')
    expect(await peer.exited).toEqual([0, null])
  })

  it('[PEE7] keeps the default document while no other peer is there', async () => {
    const peer = start()
    await peer.event('ready')
    const writer = await join()
    writer.applyFast((y) => y.getText('notes').insert(0, 'Opening night.'))
    await synced(writer)
    await writer.close()
    const reader = await join()
    await synced(reader)
    expect(reader.doc().y.getText('notes').toString()).toBe('Opening night.')
    await reader.close()
  })

  async function join(): Promise<Legion> {
    return Legion.join({ cluster: 'lights', signaling: url, platform: await nodePlatform() })
  }

  it('[PEE1] ends with code 2 and a sentence for arguments that make no sense', async () => {
    const peer = start(['--voters', 'all'])
    expect(await peer.exited).toEqual([2, null])
    expect(peer.stderr).toContain('--voters must be a whole number')
  })
})

/** Resolves when every linked peer and the default document here have the same. */
async function synced(legion: Legion): Promise<void> {
  const document = legion.doc()
  while (document.status !== 'synced') {
    await new Promise<void>((resolve) => {
      const unsubscribe = document.on('status', () => {
        unsubscribe()
        resolve()
      })
    })
  }
}
