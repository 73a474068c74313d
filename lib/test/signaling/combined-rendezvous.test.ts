import { describe, expect, it } from 'vitest'
import type { ClusterId, PeerId } from '../../src/base/ids.js'
import { combinedRendezvous } from '../../src/signaling/combined-rendezvous.js'
import type { Rendezvous, RendezvousEvents, RendezvousStatus } from '../../src/signaling/rendezvous.js'
import { bytes, cluster, peer, Recorder } from './harness.js'

const [A, B, C] = [peer('a'), peer('b'), peer('c')]

/** One server's rendezvous, played by the test. */
class ScriptedRendezvous implements Rendezvous {
  readonly droppedSignals = 1
  status: RendezvousStatus = 'connecting'
  readonly knows = new Set<PeerId>()
  readonly sent: PeerId[] = []
  readonly requests: ClusterId[] = []
  readonly claims: ClusterId[] = []
  #events: RendezvousEvents | undefined

  join(_self: unknown, events: RendezvousEvents): void {
    this.#events = events
  }
  send(to: PeerId): boolean {
    if (!this.knows.has(to)) return false
    this.sent.push(to)
    return true
  }
  claim(clusterId: ClusterId): void {
    this.claims.push(clusterId)
  }
  found(clusterId: ClusterId): void {
    this.requests.push(clusterId)
  }
  probe(): void {}

  async leave(): Promise<void> {
    this.status = 'left'
  }

  get events(): RendezvousEvents {
    if (this.#events === undefined) throw new Error('not joined')
    return this.#events
  }

  up(peers: PeerId[], clusterId?: ClusterId): void {
    this.status = 'joined'
    for (const one of peers) this.knows.add(one)
    this.events.status('joined', undefined)
    this.events.joined({ peers, iceServers: [], clusterId })
  }

  down(problem: string): void {
    this.status = 'offline'
    this.knows.clear()
    this.events.status('offline', problem)
  }
}

function bench() {
  const [first, second] = [new ScriptedRendezvous(), new ScriptedRendezvous()]
  const combined = combinedRendezvous([first, second])
  const events = new Recorder()
  combined.join({ id: peer('me'), durable: false, clusterId: undefined }, events)
  return { first, second, combined, events }
}

describe('combinedRendezvous', () => {
  it('[SGC17] shows the peers of all servers once, as long as one knows them', () => {
    const { first, second, events } = bench()
    first.up([A])
    second.up([A, B])
    expect(events.views.map((view) => view.peers)).toEqual([[A], [A, B]])
    first.events.peerJoined(B)
    second.events.peerLeft(A)
    first.events.peerLeft(A)
    second.events.peerJoined(C)
    expect(events.presence).toEqual([`-${A}`, `+${C}`])
  })

  it('[SGC17] is joined with any server, offline with none, and tells every problem', () => {
    const { first, second, combined, events } = bench()
    first.down('one is down')
    expect(combined.status).toBe('connecting')
    second.up([])
    second.down('two is down')
    expect(events.statuses).toEqual([
      ['joined', undefined],
      ['offline', 'one is down; two is down'],
    ])
  })

  it('[SGC17] lets go of the peers of a lost server that no other knows', () => {
    const { first, second, events } = bench()
    first.up([A, B])
    second.up([B])
    first.down('gone')
    expect(events.presence).toEqual([`-${A}`])
    second.down('gone too')
    expect(events.presence).toEqual([`-${A}`])
    first.up([A])
    expect(events.views.at(-1)?.peers).toEqual([A])
  })

  it('[SGC17] sends each signal by one server that knows the peer', () => {
    const { first, second, combined, events } = bench()
    first.up([A])
    second.up([A, B])
    expect([A, B, C].map((to) => combined.send(to, bytes('hi')))).toEqual([true, true, false])
    expect([first.sent, second.sent]).toEqual([[A], [B]])
    second.events.signal(B, bytes('yes'))
    expect(events.signals).toEqual([[B, 'yes']])
  })

  it('[SGC17] founds at the first server only, joined or not', () => {
    const { first, second, combined, events } = bench()
    second.up([])
    combined.found(cluster('x'))
    expect([first.requests, second.requests]).toEqual([[cluster('x')], []])
    second.events.founded(cluster('y'))
    first.events.founded(cluster('x'))
    expect(events.clusters).toEqual([cluster('x')])
  })

  it('[SGC23] founds at whichever server is joined if asked to, and claims at all of them', () => {
    const { first, second, combined, events } = bench()
    second.up([])
    combined.found(cluster('x'), 'anywhere')
    expect([first.requests, second.requests]).toEqual([[], [cluster('x')]])
    second.events.founded(cluster('x'))
    expect(events.clusters).toEqual([cluster('x')])
    combined.claim(cluster('x'))
    expect([first.claims, second.claims]).toEqual([[cluster('x')], [cluster('x')]])
  })

  it('[SGC17] believes the first joined server about the cluster, and leaves all of them', async () => {
    const { first, second, combined, events } = bench()
    second.up([], cluster('y'))
    first.up([], cluster('x'))
    expect(events.views.map((view) => view.clusterId)).toEqual([cluster('y'), cluster('x')])
    await combined.leave()
    expect([combined.status, first.status, second.status]).toEqual(['left', 'left', 'left'])
  })
})
