import type { ClusterId, PeerId } from '../base/ids.js'
import type { Timer } from '../base/runtime.js'
import type {
  Rendezvous,
  RendezvousEvents,
  RendezvousSelf,
  RendezvousStatus,
  Rest,
  RoomView,
} from '../signaling/rendezvous.js'
import type { IceServer } from '../transport/channel.js'
import { drawFrom, type Medium, type Range } from './simulated-channel.js'

const RETRY_MS: Range = [300, 2000]
/** After a start the server lets members of a living cluster come back before it grants a founding. */
const WARM_UP_MS = 2000
/** So long the cluster of a room is remembered, without a durable member, for those who may be back. */
const GRACE_MS = 10_000
/** Who is here may be about to claim the cluster that it found. */
const CLAIM_MS = 1000
/** A client that crashed is missed only after this. */
const IDLE_MS = 10_000

/** Of a client: whether it said that it ends, and then, if it has nothing any more, where the state still is. */
interface End {
  readonly isSaid: boolean
  readonly rest: Rest | undefined
}

const UNSAID: End = { isSaid: false, rest: undefined }

interface Founding {
  readonly session: Session
  readonly clusterId: ClusterId
}

/** The signaling server of a simulation, with one room. */
export class SimulatedSignalingServer {
  readonly #medium: Medium
  readonly #members = new Map<PeerId, Session>()
  readonly #sessions = new Set<Session>()
  readonly #unplugged = new Set<PeerId>()
  /** What newcomers are told. */
  iceServers: readonly IceServer[] = []
  /** Unanswered, first come first. */
  readonly #foundings: Founding[] = []
  /** Members that belong to the room's cluster. */
  readonly #claimants = new Set<PeerId>()
  #clusterId: ClusterId | undefined
  /** Peers whose disks hold the cluster's state, and whether others may. */
  readonly #holders = new Set<PeerId>()
  #isOnOtherDisks = false
  /** Somebody was the very last one. */
  #isOver = false
  /** Until then whoever lost its connection may be back. */
  #missedUntilMs = 0
  #isUp = true
  #warmUp: Timer | undefined

  constructor(medium: Medium) {
    this.#medium = medium
    this.#startWarmUp()
  }

  get clusterId(): ClusterId | undefined {
    return this.#clusterId
  }

  /** Ends, with everything it knew. */
  down(): void {
    this.#isUp = false
    this.#warmUp?.cancel()
    this.#members.clear()
    this.#claimants.clear()
    for (const session of [...this.#sessions]) session.cut()
    this.#foundings.length = 0
    this.#clusterId = undefined
    this.#holders.clear()
    this.#isOnOtherDisks = false
    this.#isOver = false
  }

  /** Starts again, empty. */
  up(): void {
    if (this.#isUp) return
    this.#isUp = true
    this.#startWarmUp()
  }

  /** Nothing passes between the server and these peers any more, until `plug`. */
  unplug(...peers: PeerId[]): void {
    for (const peer of peers) this.#unplugged.add(peer)
    for (const session of [...this.#sessions]) if (this.#unplugged.has(session.self.id)) session.cut()
  }

  plug(...peers: PeerId[]): void {
    for (const peer of peers) this.#unplugged.delete(peer)
  }

  /** For clients: a new connection, or undefined if the server is out of reach. */
  connect(client: SimulatedRendezvous, self: RendezvousSelf): Session | undefined {
    if (!this.#isUp || this.#unplugged.has(self.id)) return undefined
    const session = new Session(this.#medium, client, self, (end) => this.#disconnected(session, end))
    this.#sessions.add(session)
    session.toServer(() => this.#join(session))
    return session
  }

  /** For clients. */
  route(from: Session, to: PeerId, payload: Uint8Array): void {
    if (this.#medium.random() < this.#medium.conditions.signalLoss) return
    this.#members.get(to)?.toClient((events) => {
      this.#medium.record(`signal ${from.self.id} ${to}`, payload)
      events.signal(from.self.id, payload.slice())
    })
  }

  /** For clients: a request to found the cluster, answered after the warm-up with that of whoever was first. */
  found(session: Session, clusterId: ClusterId): void {
    this.#foundings.push({ session, clusterId })
    this.#answerFoundings()
  }

  #startWarmUp(): void {
    this.#warmUp = this.#medium.clock.setTimer(WARM_UP_MS, () => {
      this.#warmUp = undefined
      this.#answerFoundings()
    })
  }

  #join(session: Session): void {
    const { id, clusterId, durable } = session.self
    this.#medium.record(`join ${id}`)
    const others = [...this.#members].filter(([peer]) => peer !== id)
    this.#replace(session)
    if (clusterId !== undefined) this.#claim(id, clusterId, durable)
    const view: RoomView = {
      peers: others.map(([peer]) => peer),
      iceServers: this.iceServers,
      clusterId: this.#clusterId,
    }
    session.toClient((_events, client) => client.admitted(view))
    for (const [, other] of others) other.toClient((_events, client) => client.peerJoined(id))
  }

  /** The same peer's older session ends, if there is one; the others are told nothing. */
  #replace(session: Session): void {
    const older = this.#members.get(session.self.id)
    this.#members.set(session.self.id, session)
    if (older === undefined) return
    this.#sessions.delete(older)
    older.replaced()
  }

  #disconnected(session: Session, end: End): void {
    this.#sessions.delete(session)
    if (this.#members.get(session.self.id) !== session) return
    this.#members.delete(session.self.id)
    this.#medium.record(`leave ${session.self.id}`)
    for (const other of this.#members.values()) other.toClient((_events, client) => client.peerLeft(session.self.id))
    if (!end.isSaid) this.#missedUntilMs = this.#medium.clock.nowMs + GRACE_MS
    if (end.rest !== undefined && this.#claimants.has(session.self.id)) this.#forgetDisk(session.self.id, end.rest)
    if (this.#claimants.delete(session.self.id) && this.#claimants.size === 0) this.#forgetAfterGrace()
  }

  #forgetDisk(peer: PeerId, rest: Rest): void {
    this.#holders.delete(peer)
    if (rest === 'nothing') this.#holders.clear()
    this.#isOver ||= rest === 'nothing'
    if (rest !== 'unknown') this.#isOnOtherDisks = rest === 'disks' && !this.#isOver
  }

  /** At once if nobody is here or may be back. */
  #forgetAfterGrace(): void {
    const { clock } = this.#medium
    const delayMs = Math.max(this.#missedUntilMs - clock.nowMs, this.#members.size === 0 ? 0 : CLAIM_MS)
    if (delayMs <= 0) this.#forget()
    else clock.setTimer(delayMs, () => this.#forget())
  }

  #forget(): void {
    const isOnDisk = this.#holders.size > 0 || this.#isOnOtherDisks
    if (this.#claimants.size > 0 || isOnDisk) return
    if (this.#medium.clock.nowMs < this.#missedUntilMs) {
      this.#forgetAfterGrace()
      return
    }
    this.#clusterId = undefined
    this.#isOver = false
  }

  #answerFoundings(): void {
    if (this.#warmUp !== undefined && this.#clusterId === undefined) return
    for (const { session, clusterId } of this.#foundings.splice(0)) {
      this.#claim(session.self.id, clusterId, session.self.durable)
      const winner = this.#clusterId ?? clusterId
      session.toClient((_events, client) => client.granted(winner))
    }
  }

  /** The first one of the room is its cluster. */
  #claim(peer: PeerId, clusterId: ClusterId, isDurable: boolean): void {
    if (this.#clusterId === undefined) this.#medium.record(`founded ${clusterId}`)
    this.#clusterId ??= clusterId
    if (this.#clusterId !== clusterId) return
    this.#claimants.add(peer)
    if (isDurable) this.#holders.add(peer)
  }
}

/** One connection between a client and the server: in order both ways, until it is cut. */
class Session {
  readonly self: RendezvousSelf
  readonly #medium: Medium
  readonly #client: SimulatedRendezvous
  readonly #onEnd: (end: End) => void
  readonly #lastArrivalMs = { server: 0, client: 0 }
  #isOpen = true

  constructor(medium: Medium, client: SimulatedRendezvous, self: RendezvousSelf, onEnd: (end: End) => void) {
    this.#medium = medium
    this.#client = client
    this.self = self
    this.#onEnd = onEnd
  }

  toServer(arrive: () => void): void {
    this.#travel('server', arrive)
  }

  toClient(arrive: (events: RendezvousEvents, client: SimulatedRendezvous) => void): void {
    this.#travel('client', () => {
      const { events } = this.#client
      if (events !== undefined) arrive(events, this.#client)
    })
  }

  /** The client left by itself. */
  leave(rest: Rest | undefined): void {
    this.toServer(() => this.#end({ isSaid: true, rest }))
  }

  /** The client's process is gone: the server misses it later. */
  crash(): void {
    this.#medium.clock.setTimer(IDLE_MS, () => this.#end(UNSAID))
  }

  /** The connection broke, both sides know. */
  cut(): void {
    if (!this.#isOpen) return
    this.#end(UNSAID)
    this.#client.disconnected(this)
  }

  /** The same peer joined over a newer connection. */
  replaced(): void {
    this.#isOpen = false
    this.#client.disconnected(this)
  }

  #end(end: End): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#onEnd(end)
  }

  #travel(direction: 'server' | 'client', arrive: () => void): void {
    const { clock, random, conditions } = this.#medium
    const last = Math.max(this.#lastArrivalMs[direction], clock.nowMs + drawFrom(random, conditions.latencyMs))
    this.#lastArrivalMs[direction] = last
    clock.setTimer(last - clock.nowMs, () => {
      if (this.#isOpen) arrive()
    })
  }
}

/** A peer's client of the simulated server. */
export class SimulatedRendezvous implements Rendezvous {
  readonly droppedSignals = 0
  readonly #medium: Medium
  readonly #server: SimulatedSignalingServer
  #self: RendezvousSelf | undefined
  #events: RendezvousEvents | undefined
  #session: Session | undefined
  #room = new Set<PeerId>()
  #wanted: ClusterId | undefined
  #status: RendezvousStatus = 'connecting'
  #retry: Timer | undefined

  constructor(medium: Medium, server: SimulatedSignalingServer) {
    this.#medium = medium
    this.#server = server
  }

  get status(): RendezvousStatus {
    return this.#status
  }

  /** For the session: where events go, undefined once this client ended. */
  get events(): RendezvousEvents | undefined {
    return this.#events
  }

  join(self: RendezvousSelf, events: RendezvousEvents): void {
    this.#self = self
    this.#events = events
    this.#connect()
  }

  send(to: PeerId, payload: Uint8Array): boolean {
    const session = this.#session
    if (this.#status !== 'joined' || session === undefined || !this.#room.has(to)) return false
    session.toServer(() => this.#server.route(session, to, payload))
    return true
  }

  claim(clusterId: ClusterId): void {
    this.found(clusterId)
  }

  found(clusterId: ClusterId): void {
    this.#wanted = clusterId
    if (this.#status === 'joined') this.#sendFounding()
  }

  probe(): void {
    if (this.#retry === undefined) return
    this.#retry.cancel()
    this.#connect()
  }

  async leave(rest?: Rest): Promise<void> {
    this.#session?.leave(rest)
    this.#end()
  }

  /** For the network: the process is gone. */
  crash(): void {
    this.#session?.crash()
    this.#end()
  }

  /** For the session. */
  admitted(view: RoomView): void {
    this.#room = new Set(view.peers)
    this.#setStatus('joined', undefined)
    this.#events?.joined(view)
    this.#sendFounding()
  }

  /** For the session. */
  peerJoined(peer: PeerId): void {
    this.#room.add(peer)
    this.#events?.peerJoined(peer)
  }

  /** For the session. */
  peerLeft(peer: PeerId): void {
    this.#room.delete(peer)
    this.#events?.peerLeft(peer)
  }

  /** For the session: the room's cluster. If it is the one this peer asked for, the peer belongs to it from now on. */
  granted(clusterId: ClusterId): void {
    if (this.#self !== undefined && clusterId === this.#wanted) this.#self = { ...this.#self, clusterId }
    this.#events?.founded(clusterId)
  }

  /** For the session. */
  disconnected(session: Session): void {
    if (session !== this.#session) return
    this.#session = undefined
    this.#retryLater()
  }

  #connect(): void {
    this.#retry = undefined
    if (this.#self === undefined || this.#events === undefined) return
    this.#session = this.#server.connect(this, this.#self)
    if (this.#session === undefined) this.#retryLater()
  }

  #retryLater(): void {
    if (this.#events === undefined) return
    this.#setStatus('offline', 'the simulated signaling server is out of reach')
    this.#retry = this.#medium.clock.setTimer(drawFrom(this.#medium.random, RETRY_MS), () => this.#connect())
  }

  #sendFounding(): void {
    const session = this.#session
    const wanted = this.#wanted
    if (session !== undefined && wanted !== undefined) session.toServer(() => this.#server.found(session, wanted))
  }

  #setStatus(status: RendezvousStatus, problem: string | undefined): void {
    this.#status = status
    this.#events?.status(status, problem)
  }

  #end(): void {
    this.#status = 'left'
    this.#session = undefined
    this.#events = undefined
  }
}
