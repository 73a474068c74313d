import type { ClusterId, PeerId } from '../base/ids.js'
import type { Runtime } from '../base/runtime.js'
import type {
  Rendezvous,
  RendezvousEvents,
  RendezvousSelf,
  RendezvousStatus,
  Rest,
  RoomView,
} from '../signaling/rendezvous.js'

/**
 * The signaling server of a process: rooms in memory, always there, without limits, warm-up or grace. As the real one
 * it remembers the cluster of an empty room if a durable peer belonged to it.
 */
export class MemorySignaling {
  readonly #runtime: Runtime
  readonly #rooms = new Map<string, MemoryRoom>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** A client of the room of that name. */
  rendezvous(room: string): Rendezvous {
    const known = this.#rooms.get(room) ?? new MemoryRoom()
    this.#rooms.set(room, known)
    return new MemoryRendezvous(this.#runtime, known)
  }
}

class MemoryRoom {
  readonly members = new Map<PeerId, MemoryRendezvous>()
  /** Members that belong to the room's cluster. */
  readonly #claimants = new Set<PeerId>()
  #clusterId: ClusterId | undefined
  /** Peers whose storage may still hold the cluster's state. */
  readonly #holders = new Set<PeerId>()

  enter(self: RendezvousSelf, client: MemoryRendezvous): RoomView {
    if (self.clusterId !== undefined) this.claim(self, self.clusterId)
    const peers = [...this.members.keys()].filter((peer) => peer !== self.id)
    this.members.set(self.id, client)
    this.#tellOthers(self.id, (events) => events.peerJoined(self.id))
    return { peers, iceServers: [], clusterId: this.#clusterId }
  }

  /** @param rest all peers of this process are known here */
  leave(peer: PeerId, client: MemoryRendezvous, rest: Rest | undefined): void {
    if (this.members.get(peer) !== client) return
    this.members.delete(peer)
    if (rest !== undefined) this.#holders.delete(peer)
    if (rest === 'nothing') this.#holders.clear()
    const wasLast = this.#claimants.delete(peer) && this.#claimants.size === 0
    if (wasLast && this.#holders.size === 0) this.#clusterId = undefined
    this.#tellOthers(peer, (events) => events.peerLeft(peer))
  }

  /** The first one wins. @returns the winner */
  claim({ id, durable }: RendezvousSelf, clusterId: ClusterId): ClusterId {
    this.#clusterId ??= clusterId
    if (this.#clusterId === clusterId) {
      this.#claimants.add(id)
      if (durable) this.#holders.add(id)
    }
    return this.#clusterId
  }

  #tellOthers(peer: PeerId, tell: (events: RendezvousEvents) => void): void {
    for (const [other, client] of this.members) if (other !== peer) client.tell(tell)
  }
}

/** Nothing happens before a call returns: everything travels as a task of its own. */
class MemoryRendezvous implements Rendezvous {
  readonly droppedSignals = 0
  readonly #runtime: Runtime
  readonly #room: MemoryRoom
  #self: RendezvousSelf | undefined
  #events: RendezvousEvents | undefined
  #status: RendezvousStatus = 'connecting'
  #request: ClusterId | undefined

  constructor(runtime: Runtime, room: MemoryRoom) {
    this.#runtime = runtime
    this.#room = room
  }

  get status(): RendezvousStatus {
    return this.#status
  }

  join(self: RendezvousSelf, events: RendezvousEvents): void {
    this.#self = self
    this.#events = events
    this.#runtime.setTimer(0, () => this.#enter(self))
  }

  send(to: PeerId, payload: Uint8Array): boolean {
    const from = this.#self?.id
    const receiver = this.#room.members.get(to)
    if (this.#status !== 'joined' || from === undefined || receiver === undefined) return false
    receiver.tell((events) => events.signal(from, payload))
    return true
  }

  claim(clusterId: ClusterId): void {
    this.found(clusterId)
  }

  found(clusterId: ClusterId): void {
    this.#request = clusterId
    if (this.#status === 'joined') this.#runtime.setTimer(0, () => this.#answerRequest())
  }

  /** It is there as long as the process is. */
  probe(): void {}

  async leave(rest?: Rest): Promise<void> {
    this.#status = 'left'
    this.#events = undefined
    if (this.#self !== undefined) this.#room.leave(this.#self.id, this, rest)
  }

  /** For the room: a little later, unless this client left by then. */
  tell(tell: (events: RendezvousEvents) => void): void {
    this.#runtime.setTimer(0, () => this.#events && tell(this.#events))
  }

  #enter(self: RendezvousSelf): void {
    if (this.#status === 'left') return
    const view = this.#room.enter(self, this)
    this.#status = 'joined'
    this.#events?.status('joined', undefined)
    this.#events?.joined(view)
    this.#answerRequest()
  }

  #answerRequest(): void {
    const self = this.#self
    if (this.#status !== 'joined' || self === undefined || this.#request === undefined) return
    const winner = this.#room.claim(self, this.#request)
    this.#request = undefined
    this.#events?.founded(winner)
  }
}
