import { describe, expect, it } from 'vitest'
import { defer } from '../../src/base/deferred.js'
import { Legion } from '../../src/legion.js'
import { Mesh } from '../../src/mesh/mesh.js'
import { memoryPlatform } from '../../src/testing/memory-platform.js'

const options = { cluster: 'late-mesh', signaling: 'memory:', handlers: { ping: (n: number) => n + 1 } }

/** A platform whose code for links comes when the test says so. */
function slowPlatform() {
  const code = defer<typeof Mesh>()
  const whole = memoryPlatform()
  return { code, whole, platform: { ...whole, loadMesh: () => code.promise } }
}

describe('a Legion whose code for links is still being loaded', () => {
  it('[LEG83] has documents at once and nobody to talk to; then it misses nothing', async () => {
    const { code, whole, platform } = slowPlatform()
    const other = await Legion.join({ ...options, platform: whole })
    const legion = Legion.open({ ...options, platform, name: 'late' })
    const heard: string[] = []
    legion.on('peerJoined', ({ id }) => heard.push(`joined ${id}`))
    legion.on('signaling', (status) => heard.push(status))
    legion.on('peerJoined', () => heard.push('never'))()
    legion.applyFast((y) => y.getText('notes').insert(0, 'before'))
    expect([...legion.peers.keys()]).toEqual([])
    expect(legion.cluster.id).toBeUndefined()
    expect(legion.self.name).toBe('late')
    expect(legion.status().mesh).toMatchObject({ rendezvous: 'connecting', peers: {}, relay: { broadcasts: 0 } })
    await expect(legion.call(other.self.id, 'ping', 1)).rejects.toMatchObject({ code: 'E_NO_PEER' })
    legion.broadcast('ping', 1)
    const command = legion.applyConsistent('set', { key: 'a', value: 1 })

    code.resolve(Mesh)
    await command
    expect(await legion.call(other.self.id, 'ping', 1)).toBe(2)
    expect(await other.call(legion.self.id, 'ping', 2)).toBe(3)
    expect(heard).toEqual(expect.arrayContaining(['joined', `joined ${other.self.id}`]))
    expect(heard).not.toContain('never')
    const text = other.doc().y.getText('notes')
    if (text.toString() === '') await new Promise<void>((resolve) => text.observe(() => resolve()))
    expect(text.toString()).toBe('before')
    expect(legion.status().mesh.peers).toMatchObject({ [other.self.id]: { state: 'direct' } })
    await Promise.all([legion.close(), other.close()])
  })

  it('[LEG84] works on its own if it can not be loaded, and says so', async () => {
    const { code, platform } = slowPlatform()
    const legion = Legion.open({ ...options, platform })
    const problems: string[] = []
    legion.on('error', (error) => problems.push(error.code))
    code.reject(new Error('404'))
    await expect(legion.ready).rejects.toMatchObject({ code: 'E_UNSUPPORTED' })
    expect(problems).toEqual(['E_UNSUPPORTED'])
    legion.applyFast((y) => y.getText('notes').insert(0, 'here'))
    expect(legion.doc().y.getText('notes').toString()).toBe('here')
    await legion.close()
  })

  it('[LEG85] never meets anybody if it was closed before', async () => {
    const { code, whole, platform } = slowPlatform()
    const other = await Legion.join({ ...options, platform: whole })
    const met: string[] = []
    other.on('peerJoined', ({ id }) => met.push(id))
    const legion = Legion.open({ ...options, platform })
    const command = legion.applyConsistent('set', { key: 'a', value: 1 })
    await legion.close()
    code.resolve(Mesh)
    await expect(command).rejects.toMatchObject({ code: 'E_CLOSED', outcome: 'not-applied' })
    const third = await Legion.join({ ...options, platform: whole })
    expect(met).toEqual([third.self.id])
    await Promise.all([other.close(), third.close()])
  })
})
