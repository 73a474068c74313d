import { describe, expect, it } from 'vitest'
import { defer } from '../../src/base/deferred.js'
import { LegionError } from '../../src/base/errors.js'
import { type ConsensusCode, consensusCode } from '../../src/consensus-code.js'
import { Legion } from '../../src/legion.js'
import { memoryPlatform } from '../../src/testing/memory-platform.js'

const options = { cluster: 'late', signaling: 'memory:' }

/** A platform whose code for groups comes when the test says so. */
function slowPlatform() {
  const code = defer<ConsensusCode>()
  return { code, platform: { ...memoryPlatform(), loadConsensus: () => code.promise } }
}

describe('a Legion whose code for groups is still being loaded', () => {
  it('[LEG80] has documents at once, and does later what was asked of its groups', async () => {
    const { code, platform } = slowPlatform()
    const legion = Legion.open({ ...options, platform })
    const seen: number[] = []
    legion.applyFast((y) => y.getText('notes').insert(0, 'here'))
    legion.subscribe(
      () => 1,
      (value) => seen.push(value),
    )
    const unsubscribe = legion.subscribe(
      () => 2,
      (value) => seen.push(value),
    )
    unsubscribe()
    const command = legion.applyConsistent('set', { key: 'a', value: 1 })
    const read = legion.ready.then(() => legion.read('get', 'a'))
    expect(() => legion.main).toThrow(expect.objectContaining({ code: 'E_NOT_READY' }))
    expect(() => legion.state).toThrow(expect.objectContaining({ code: 'E_NOT_READY' }))
    expect(legion.members).toEqual([])
    expect(legion.status()).toMatchObject({ isReady: false, main: undefined, groups: {}, splits: [] })
    expect(legion.metrics()).toEqual([])
    code.resolve(consensusCode)
    await command
    expect(await read).toBe(1)
    expect(legion.doc().y.getText('notes').toString()).toBe('here')
    expect(seen).toEqual([1])
    await legion.close()
  })

  it('[LEG80] has agreed documents at once, and runs their transactions later', async () => {
    const { code, platform } = slowPlatform()
    const legion = Legion.open({ ...options, cluster: 'late-agreed', platform })
    const document = legion.doc('accounts', { agreed: true })
    document.applyFast((y) => y.getMap('m').set('fast', 1))
    const transaction = document.applyConsistent((y) => y.getMap('m').set('agreed', 2))
    const closed = legion.doc('closed', { agreed: true })
    const refused = expect(closed.applyConsistent((y) => y.getMap('m').set('never', 3))).rejects.toMatchObject({
      code: 'E_CLOSED',
      outcome: 'not-applied',
    })
    closed.close()
    code.resolve(consensusCode)
    await transaction
    await refused
    expect(document.agreed.getMap('m').get('agreed')).toBe(2)
    expect(document.y.getMap('m').toJSON()).toEqual({ fast: 1, agreed: 2 })
    await legion.close()
  })

  it('[LEG81] goes on with documents and messages if it can not be loaded, and says so', async () => {
    const { code, platform } = slowPlatform()
    const problems: LegionError[] = []
    const legion = Legion.open({ ...options, platform })
    const other = await Legion.join({ ...options, platform: { ...platform, loadConsensus: () => consensusCode } })
    legion.on('error', (error) => problems.push(error))
    code.reject(new Error('404'))
    await expect(legion.applyConsistent('set', { key: 'a', value: 1 })).rejects.toMatchObject({
      code: 'E_UNSUPPORTED',
      outcome: 'not-applied',
    })
    await expect(legion.ready).rejects.toSatisfy(LegionError.is)
    expect(problems.map((problem) => problem.code)).toEqual(['E_UNSUPPORTED'])
    other.applyFast((y) => y.getText('notes').insert(0, 'shared'))
    const text = legion.doc().y.getText('notes')
    await new Promise<void>((resolve) => text.observe(() => resolve()))
    expect(text.toString()).toBe('shared')
    await Promise.all([legion.close(), other.close()])
  })

  it('[LEG82] is closed for good if it was closed before', async () => {
    const { code, platform } = slowPlatform()
    const legion = Legion.open({ ...options, platform })
    const command = legion.applyConsistent('set', { key: 'a', value: 1 })
    await legion.close()
    code.resolve(consensusCode)
    await expect(command).rejects.toMatchObject({ code: 'E_CLOSED', outcome: 'not-applied' })
  })
})
