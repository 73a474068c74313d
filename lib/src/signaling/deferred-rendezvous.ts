import type { ClusterId, PeerId } from '../base/ids.js'
import type {
  FoundingPlace,
  Rendezvous,
  RendezvousEvents,
  RendezvousSelf,
  RendezvousStatus,
  Rest,
} from './rendezvous.js'

/** A rendezvous that takes a while to make: joins as soon as it is there. */
export class DeferredRendezvous implements Rendezvous {
  readonly #make: () => Promise<Rendezvous>
  #inner: Rendezvous | undefined
  #status: RendezvousStatus = 'connecting'
  /** What was asked for last, before there was anybody to ask. */
  #request: ((inner: Rendezvous) => void) | undefined

  constructor(make: () => Promise<Rendezvous>) {
    this.#make = make
  }

  get status(): RendezvousStatus {
    return this.#inner?.status ?? this.#status
  }

  get droppedSignals(): number {
    return this.#inner?.droppedSignals ?? 0
  }

  join(self: RendezvousSelf, events: RendezvousEvents): void {
    this.#make().then(
      (inner) => this.#made(inner, self, events),
      (error) => this.#failed(error, events),
    )
  }

  send(to: PeerId, payload: Uint8Array): boolean {
    return this.#inner?.send(to, payload) ?? false
  }

  found(clusterId: ClusterId, where?: FoundingPlace | undefined): void {
    this.#ask((inner) => inner.found(clusterId, where))
  }

  claim(clusterId: ClusterId): void {
    this.#ask((inner) => inner.claim(clusterId))
  }

  probe(): void {
    this.#inner?.probe()
  }

  #ask(request: (inner: Rendezvous) => void): void {
    this.#request = request
    if (this.#inner !== undefined) request(this.#inner)
  }

  async leave(rest?: Rest): Promise<void> {
    this.#status = 'left'
    await this.#inner?.leave(rest)
  }

  #made(inner: Rendezvous, self: RendezvousSelf, events: RendezvousEvents): void {
    if (this.#status === 'left') return
    this.#inner = inner
    this.#request?.(inner)
    inner.join(self, events)
  }

  #failed(error: unknown, events: RendezvousEvents): void {
    if (this.#status === 'left') return
    this.#status = 'offline'
    events.status(
      'offline',
      `the room of this cluster can't be entered: ${error instanceof Error ? error.message : error}`,
    )
  }
}
