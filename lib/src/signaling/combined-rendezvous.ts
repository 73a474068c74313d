import type { ClusterId, PeerId } from '../base/ids.js'
import type {
  FoundingPlace,
  Rendezvous,
  RendezvousEvents,
  RendezvousSelf,
  RendezvousStatus,
  Rest,
  RoomView,
} from './rendezvous.js'

/**
 * Several servers as one: a peer is here as long as one of them knows it. Only the first grants foundings, unless the
 * asker says otherwise, so that two servers never grant two clusters.
 */
export function combinedRendezvous(parts: readonly Rendezvous[]): Rendezvous {
  return new CombinedRendezvous(parts)
}

interface Part {
  readonly rendezvous: Rendezvous
  /** What this server told last; undefined while it is not joined. */
  view: { readonly peers: Set<PeerId>; readonly room: RoomView } | undefined
  problem: string | undefined
}

class CombinedRendezvous implements Rendezvous {
  readonly #parts: readonly Part[]
  #peers: ReadonlySet<PeerId> = new Set()
  #status: RendezvousStatus = 'connecting'
  #problem: string | undefined
  /** Who is asked to grant a founding. */
  #granter: Part | undefined

  constructor(parts: readonly Rendezvous[]) {
    this.#parts = parts.map((rendezvous) => ({ rendezvous, view: undefined, problem: undefined }))
    this.#granter = this.#parts[0]
  }

  get status(): RendezvousStatus {
    return this.#status
  }

  get droppedSignals(): number {
    return this.#parts.reduce((sum, { rendezvous }) => sum + rendezvous.droppedSignals, 0)
  }

  join(self: RendezvousSelf, events: RendezvousEvents): void {
    for (const part of this.#parts) part.rendezvous.join(self, this.#eventsOf(part, events))
  }

  send(to: PeerId, payload: Uint8Array): boolean {
    return this.#parts.some(({ rendezvous }) => rendezvous.send(to, payload))
  }

  found(clusterId: ClusterId, where: FoundingPlace = 'first'): void {
    const joined = this.#parts.find(({ view }) => view !== undefined)
    this.#granter = where === 'first' ? this.#parts[0] : (joined ?? this.#granter)
    this.#granter?.rendezvous.found(clusterId)
  }

  claim(clusterId: ClusterId): void {
    for (const { rendezvous } of this.#parts) rendezvous.claim(clusterId)
  }

  probe(): void {
    for (const { rendezvous } of this.#parts) rendezvous.probe()
  }

  async leave(rest?: Rest): Promise<void> {
    this.#status = 'left'
    await Promise.all(this.#parts.map(({ rendezvous }) => rendezvous.leave(rest)))
  }

  #eventsOf(part: Part, events: RendezvousEvents): RendezvousEvents {
    return {
      joined: (room) => {
        part.view = { peers: new Set(room.peers), room }
        this.#updateStatus(events)
        this.#peers = this.#known()
        events.joined(this.#combinedView())
      },
      peerJoined: (peer) => {
        part.view?.peers.add(peer)
        this.#updatePeers(events)
      },
      peerLeft: (peer) => {
        part.view?.peers.delete(peer)
        this.#updatePeers(events)
      },
      signal: (from, payload) => events.signal(from, payload),
      founded: (clusterId) => {
        if (part === this.#granter) events.founded(clusterId)
      },
      status: (status, problem) => {
        part.problem = problem
        if (status === 'joined') return // `joined` follows
        part.view = undefined
        this.#updateStatus(events)
        this.#updatePeers(events)
      },
    }
  }

  #updateStatus(events: RendezvousEvents): void {
    const statuses = this.#parts.map(({ rendezvous }) => rendezvous.status)
    const status = (['joined', 'connecting'] as const).find((one) => statuses.includes(one)) ?? 'offline'
    const problem = status === 'offline' ? this.#problems() : undefined
    if (status === this.#status && problem === this.#problem) return
    this.#status = status
    this.#problem = problem
    events.status(status, problem)
  }

  /** As a single server's, the peers stay known while no server is joined; the next `joined` replaces them. */
  #updatePeers(events: RendezvousEvents): void {
    if (this.#status !== 'joined') return
    const before = this.#peers
    const now = this.#known()
    this.#peers = now
    for (const peer of before) if (!now.has(peer)) events.peerLeft(peer)
    for (const peer of now) if (!before.has(peer)) events.peerJoined(peer)
  }

  #known(): Set<PeerId> {
    return new Set(this.#parts.flatMap(({ view }) => [...(view?.peers ?? [])]))
  }

  #combinedView(): RoomView {
    const rooms = this.#parts.flatMap(({ view }) => (view === undefined ? [] : [view.room]))
    return {
      peers: [...this.#peers],
      iceServers: rooms.flatMap(({ iceServers }) => iceServers),
      clusterId: rooms.find(({ clusterId }) => clusterId !== undefined)?.clusterId,
    }
  }

  #problems(): string {
    return this.#parts.flatMap(({ problem }) => problem ?? []).join('; ')
  }
}
