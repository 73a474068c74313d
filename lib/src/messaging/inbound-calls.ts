import type { PeerId } from '../base/ids.js'
import type { Value } from '../codec/value.js'
import { Inbox, type InboxServices } from './inbox.js'
import type { AnyHandler, Handlers } from './types.js'

/** Names without a handler that are logged; after that many they are only counted. */
const MAX_LOGGED_NAMES = 100

/** Finds the handler of each message that comes in; an Inbox per peer runs it. */
export class InboundCalls<Legion> {
  /** Messages that named no handler here. */
  unknownHandlerCount = 0
  readonly #handlers: ReadonlyMap<string, AnyHandler<Legion>>
  readonly #services: InboxServices<Legion>
  /** Of linked peers, and of gone ones whose handlers still run. */
  readonly #inboxes = new Map<PeerId, Inbox<Legion>>()
  readonly #loggedNames = new Set<string>()

  constructor(handlers: Handlers<Legion>, services: InboxServices<Legion>) {
    this.#handlers = new Map(Object.entries(handlers))
    this.#services = services
  }

  get runningCount(): number {
    let count = 0
    for (const inbox of this.#inboxes.values()) count += inbox.runningCount
    return count
  }

  /** @param bytes of the message, encoded */
  cast(from: PeerId, name: string, payload: Value, bytes: number): void {
    const handler = this.#handler(from, name)
    if (handler !== undefined) this.#inbox(from).cast(name, handler, payload, bytes)
  }

  /** @throws DecodeError if a call with that id waits already */
  call(from: PeerId, id: number, name: string, payload: Value, bytes: number): void {
    const handler = this.#handler(from, name)
    if (handler === undefined) this.#inbox(from).refuse(id, 'E_NO_HANDLER')
    else this.#inbox(from).call(id, name, handler, payload, bytes)
  }

  cancel(from: PeerId, id: number): void {
    this.#inboxes.get(from)?.cancel(id)
  }

  drain(peer: PeerId): void {
    this.#inboxes.get(peer)?.drain()
  }

  peerLeft(peer: PeerId): void {
    this.#inboxes.get(peer)?.unlink()
    // An inbox of a gone peer with running handlers stays: their number is limited per peer, not per link.
    for (const [owner, inbox] of this.#inboxes) {
      if (inbox.runningCount === 0 && !this.#services.isLinked(owner)) this.#inboxes.delete(owner)
    }
  }

  close(): void {
    for (const inbox of this.#inboxes.values()) inbox.close()
  }

  #inbox(peer: PeerId): Inbox<Legion> {
    let inbox = this.#inboxes.get(peer)
    if (inbox === undefined) {
      inbox = new Inbox(peer, this.#services)
      this.#inboxes.set(peer, inbox)
    }
    return inbox
  }

  #handler(from: PeerId, name: string): AnyHandler<Legion> | undefined {
    const handler = this.#handlers.get(name)
    if (handler === undefined) this.#countUnknown(from, name)
    return handler
  }

  #countUnknown(from: PeerId, name: string): void {
    this.unknownHandlerCount++
    if (this.#loggedNames.size >= MAX_LOGGED_NAMES || this.#loggedNames.has(name)) return
    this.#loggedNames.add(name)
    this.#services.logger.warn(`No handler for ${name}, sent by ${from}.`)
  }
}
