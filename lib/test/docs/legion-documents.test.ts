import { describe, expect, it } from 'vitest'
import type { LegionDocument } from '../../src/docs/document.js'
import { createSimulation } from '../../src/testing/simulation.js'

const text = (document: LegionDocument) => document.y.getText('t').toString()
const insert = (document: LegionDocument, inserted: string) =>
  document.applyFast((y) => y.getText('t').insert(0, inserted))

describe('documents of a Legion with storage', () => {
  it('[DOC32] are there after a crash, offline too', async () => {
    const simulation = createSimulation({ seed: 1 })
    const [a, b] = await simulation.peers(2, { storage: 'simulated' })
    b!.legion.doc()
    insert(a!.legion.doc(), 'hello ')
    await simulation.run(1_000)
    expect(text(b!.legion.doc())).toBe('hello ')
    await simulation.until(b!.legion.doc().save())
    a!.crash()
    b!.crash()
    simulation.network.partition([a!.id], [b!.id])
    const again = b!.restart()
    const document = again.legion.doc()
    expect(document.status).toBe('loading')
    await simulation.until(document.loaded)
    expect(text(document)).toBe('hello ')
    expect(await simulation.until(again.legion.documents.names())).toEqual(['main'])
  })

  it('[DOC37] are written when it closes; two tabs of one browser have stores of their own', async () => {
    const simulation = createSimulation({ seed: 2 })
    const options = { kind: 'browser', host: 'browser', storage: 'simulated' } as const
    const tabs = await simulation.peers(2, options)
    for (const [i, { legion }] of tabs.entries()) insert(legion.doc('shared'), `tab ${i} `)
    insert(tabs[0]!.legion.doc('alone'), 'only here ')
    await simulation.run(500)
    insert(tabs[0]!.legion.doc('shared'), 'last words ')
    for (const { legion } of tabs) await simulation.until(legion.close())
    const [again] = await simulation.peers(1, options)
    const document = again!.legion.doc('shared')
    await simulation.until(document.loaded)
    for (const words of ['tab 0 ', 'tab 1 ', 'last words ']) expect(text(document)).toContain(words)
  })

  it('[DOC40] an archive that was restarted gives back what nobody else has any more', async () => {
    const simulation = createSimulation({ seed: 3 })
    const archive = simulation.open({ storage: 'simulated', documents: { keep: 'all' } })
    const a = simulation.open()
    await simulation.settle(() => archive.legion.peers.size === 1)
    insert(a.legion.doc('sheet'), 'archived')
    await simulation.run(3_000)
    a.closePage()
    archive.crash()
    const again = archive.restart()
    const b = simulation.open()
    insert(b.legion.doc('sheet'), 'newer, ')
    await simulation.settle(() => again.legion.peers.size === 1)
    await simulation.run(3_000)
    expect(text(b.legion.doc('sheet'))).toContain('archived')
    expect(await simulation.until(again.legion.documents.names())).toEqual(['sheet'])
  })

  it('[DOC36] a disk that fails is told as an error, once, and the document goes on', async () => {
    const simulation = createSimulation({ seed: 4 })
    const a = simulation.open({ storage: 'simulated' })
    const errors: string[] = []
    a.legion.on('error', ({ code, message }) => errors.push(`${code} ${message}`))
    await simulation.settle(() => a.legion.status().isReady)
    await simulation.until(a.legion.doc().loaded)
    a.disk.isFull = true
    insert(a.legion.doc(), 'hello')
    await simulation.run(1_000)
    expect(text(a.legion.doc())).toBe('hello')
    expect(errors.filter((error) => error.startsWith('E_STORAGE')).length).toBeGreaterThan(0)
    await expect(simulation.until(a.legion.doc().save())).rejects.toMatchObject({ code: 'E_STORAGE' })
  })
})
