import { describe, expect, it, vi } from 'vitest'
import { lock } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer } from '../../src/testing/simulation.js'

vi.setConfig({ testTimeout: 60_000 })

type Peer = SimulatedPeer<typeof lock>

/** Above this a replica begins a new incarnation. */
const VOICES = 64
const voicesOf = ({ legion }: Peer) => legion.status().main?.voices.length ?? 0
const incarnationOf = ({ legion }: Peer) => Number(legion.status().main?.id.split('.')[1])

/** The leader closes its tab and opens it again, over and over. */
async function reload(
  count: number,
  times: number,
  seed: number,
): Promise<[ReturnType<typeof createSimulation>, Peer[]]> {
  const simulation = createSimulation({ seed })
  let peers = await simulation.peers<typeof lock>(count, { kind: 'browser', machine: lock })
  for (let i = 0; i < times; i++) {
    await simulation.settle(() => peers.every(({ legion }) => legion.members.length === count))
    await simulation.run(500)
    const closing = peers.find(({ legion, id }) => legion.leader === id) as Peer
    closing.closePage()
    peers = [...peers.filter((peer) => peer !== closing), closing.restart()]
  }
  await simulation.settle(() => peers.every(({ legion }) => legion.members.length === count))
  return [simulation, peers]
}

describe('a replica that speaks for too many others', () => {
  it('[GRP182] makes way for its next incarnation: tabs may reload for ever', async () => {
    const [simulation, peers] = await reload(2, VOICES, 1)
    const heir = peers.find(({ legion, id }) => legion.leader !== id) as Peer
    await simulation.until(heir.legion.applyConsistent('acquire', { name: 'l', ttlMs: 600_000 }))
    const closing = peers.find((peer) => peer !== heir) as Peer
    closing.closePage()
    const other = closing.restart()
    let wasMissing = false
    heir.legion.on('members', (members) => {
      wasMissing ||= !members.some(({ peer }) => peer === heir.id)
    })
    await simulation.settle(() => voicesOf(heir) > VOICES)
    expect([voicesOf(heir), incarnationOf(heir)]).toEqual([VOICES + 1, 1])
    await simulation.settle(() => incarnationOf(heir) === 2 && heir.legion.members.length === 2)
    expect([voicesOf(heir), voicesOf(other), wasMissing]).toEqual([0, 0, false])
    for (const peer of [heir, other]) {
      expect(await simulation.until(peer.legion.read('holder', 'l'))).toMatchObject({ holder: heir.id })
    }
  })
})
