import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type DocumentStatus, Legion, type LegionDocument } from 'legion-mesh'
import { nodePlatform } from 'legion-mesh/node'
import { createSignalingServer, type SignalingServer } from 'legion-signaling'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadMachine } from '../src/load-machine.js'
import { CLI, RunningPeer } from './running-peer.js'

const LIGHTS = fileURLToPath(new URL('./machines/lights.mjs', import.meta.url))
/** Room for a peer that starts, none for what the test writes. */
const FEW_BLOCKS = 256

function settled(document: LegionDocument, status: DocumentStatus): Promise<void> {
  return new Promise((resolve) => {
    const check = () => document.status === status && resolve()
    document.on('status', check)
    check()
  })
}

describe.skipIf(!existsSync(CLI))('legion-peer with a directory (needs `npm run build`)', { timeout: 60_000 }, () => {
  let server: SignalingServer
  let url: string
  let directory: string
  let peers: RunningPeer[]
  let legions: Legion[]

  beforeEach(async () => {
    peers = []
    legions = []
    directory = await mkdtemp(join(tmpdir(), 'legion-peer-'))
    server = createSignalingServer({ warmupMs: 0 })
    await server.listen(0, '127.0.0.1')
    url = server.url ?? ''
  })

  afterEach(async () => {
    for (const peer of peers) peer.kill('SIGKILL')
    await Promise.all([...peers.map((peer) => peer.exited), ...legions.map((legion) => legion.close())])
    await server.close()
    await rm(directory, { recursive: true })
  })

  function start(args: readonly string[] = [], fileBlocks?: number): RunningPeer {
    const all = ['--cluster', 'kept', '--signaling', url, '--directory', directory, '--http', '0', ...args]
    const peer = new RunningPeer(all, {}, fileBlocks)
    peers.push(peer)
    return peer
  }

  async function joinCluster(): Promise<Legion> {
    const legion = await Legion.join({ cluster: 'kept', signaling: url, platform: await nodePlatform() })
    legions.push(legion)
    return legion
  }

  it('[PEE8] [PEE10] is the same peer with the same state, groups included, after SIGKILL', async () => {
    const first = start(['--group', `lights=${LIGHTS}`])
    const { peer: id } = await first.event('open')
    expect(await first.event('ready')).toMatchObject({ peer: id, role: 'voter' })
    expect(await first.event('group')).toMatchObject({ name: 'lights', machine: 'lights' })
    const writer = await joinCluster()
    await writer.applyConsistent('set', { key: 'seat', value: '12A' })
    const lights = await loadMachine(LIGHTS)
    const switches = await writer.group('lights', lights)
    expect(await switches.applyConsistent('toggle')).toBe(true)
    await writer.leave()
    first.kill('SIGKILL')
    await first.exited

    const second = start(['--group', `lights=${LIGHTS}`])
    expect(await second.event('open')).toMatchObject({ peer: id, directory })
    await second.event('group')
    const reader = await joinCluster()
    expect(await reader.read('get', 'seat')).toBe('12A')
    expect((await reader.group('lights', lights)).state).toEqual({ on: true })
    expect(reader.members[0]).toMatchObject({ peer: id })
  })

  it('[PEE13] keeps every document that it hears of with --keep-documents, through SIGKILL', async () => {
    const first = start(['--keep-documents'])
    await first.event('ready')
    const writer = await joinCluster()
    const sheet = writer.doc('sheet')
    await settled(sheet, 'synced')
    sheet.applyFast((y) => y.getText('t').insert(0, 'archived'))
    await setTimeout(1_000)
    await writer.close()
    first.kill('SIGKILL')
    await first.exited
    await start(['--keep-documents']).event('ready')
    const reader = await joinCluster()
    const again = reader.doc('sheet')
    await settled(again, 'synced')
    expect(again.y.getText('t').toString()).toBe('archived')
  })

  it('[PEE9] ends with E_STORAGE_LOCKED and code 1 if another process uses the directory', async () => {
    const first = start()
    await first.event('ready')
    const second = start()
    expect(await second.exited).toEqual([1, null])
    expect(second.stderr).toMatch(/^legion-peer: E_STORAGE_LOCKED: .*another process/im)
    expect(second.stderr).toContain(directory)
    first.kill('SIGTERM')
    expect(await first.exited).toEqual([0, null])
    await start().event('ready')
  })

  it('[PEE12] says why and ends with code 1 when the disk fails', async () => {
    const peer = start([], FEW_BLOCKS)
    await peer.event('ready')
    const writer = await joinCluster()
    const value = new Uint8Array(FEW_BLOCKS * 512)
    await writer.applyConsistent('set', { key: 'large', value }, { timeoutMs: 3_000 }).catch(() => {})
    expect(await peer.exited).toEqual([1, null])
    expect(peer.stderr).toMatch(/^legion-peer: E_STORAGE: /m)
  })

  it('[PEE11] serves its metrics in the format of Prometheus', async () => {
    const peer = start(['--metrics', '0', '--group', `lights=${LIGHTS}`])
    const { port } = await peer.event('metrics')
    await peer.event('group')
    const get = (route: string) => fetch(`http://127.0.0.1:${port}${route}`)
    const response = await get('/metrics')
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    const text = await response.text()
    expect(text).toMatch(/^# TYPE legion_group_term gauge$/m)
    expect(text).toMatch(/^legion_group_is_leader\{group="main"\} 1$/m)
    expect(text).toMatch(/^legion_group_is_leader\{group="lights"\} [01]$/m)
    expect(text).toMatch(/^legion_storage_synced_batches_total [1-9]/m)
    expect(text).toMatch(/^process_resident_memory_bytes [1-9]/m)
    expect((await get('/healthz')).status).toBe(200)
    expect((await get('/status')).status).toBe(404)
  })
})
