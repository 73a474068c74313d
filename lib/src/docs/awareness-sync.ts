import { type Awareness, applyAwarenessUpdate, removeAwarenessStates } from 'y-protocols/awareness'
import type { PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { encode, writeCount, writeList, writeString } from '../codec/encode.js'
import { type Partner, type Partners, RemoteOrigin } from './partners.js'
import type { AwarenessEntry } from './protocol.js'

export interface AwarenessServices {
  readonly runtime: Runtime
  readonly logger: Logger
  readonly limits: AwarenessLimits
}

export interface AwarenessLimits {
  readonly awarenessStateBytes: number
  readonly awarenessClients: number
}

interface AwarenessChange {
  readonly added: readonly number[]
  readonly updated: readonly number[]
  readonly removed: readonly number[]
}

/** States are sent at most this often; the newest replaces those that were not sent. */
const SEND_SPACING_MS = 50
/** With so much in the queue towards a partner, a state would be old when it arrives: the newest is sent later. */
const BACKED_UP_BYTES = 64 * 1024
/** The own state is sent again after this long, so that who hears of it through others does not drop it. */
const RENEW_AFTER_MS = 10_000
/** A client without a link here that was not heard of for this long is gone. */
const OUTDATED_AFTER_MS = 30_000
/** How long the clock of a gone client is kept, so that an old state on its way does not bring it back. */
const FORGET_AFTER_MS = 60_000

/**
 * Keeps the awareness of one document equal with that of every partner, in the format and by the rules of y-protocols,
 * but on the Runtime's clock, and with knowledge of links: who is linked here is gone exactly when its link or its
 * document is, and nobody else can remove it.
 */
export class AwarenessSync {
  readonly #awareness: Awareness
  readonly #partners: Partners
  readonly #services: AwarenessServices
  /** Clients to be told of, with the partner their newest state came from; undefined: this peer itself. */
  #news = new Map<number, PeerId | undefined>()
  /** When something was heard of a client, this peer's own included; gone ones too, until they are forgotten. */
  readonly #heardAtMs = new Map<number, number>()
  #sentAtMs = Number.NEGATIVE_INFINITY
  /** Undefined: no news wait. */
  #sending: Timer | undefined

  constructor(awareness: Awareness, partners: Partners, services: AwarenessServices) {
    this.#awareness = awareness
    this.#partners = partners
    this.#services = services
    // The platform's clock: `round` does the same on the Runtime's.
    clearInterval(awareness._checkInterval)
    awareness.on('update', this.#changed)
    // Others take a first state only if its clock is above 0.
    awareness.setLocalState(awareness.getLocalState())
  }

  /** Does what follows from the state of the partners. */
  evaluate(): void {
    for (const partner of this.#partners) if (partner.mustSendAwareness && partner.isReached) this.#sendAll(partner)
  }

  receive(partner: Partner, entries: readonly AwarenessEntry[]): void {
    const taken = this.#withinLimit(entries).filter((entry) => this.#takes(partner, entry))
    if (taken.length === 0) return
    this.#guarded(() => applyAwarenessUpdate(this.#awareness, encodeEntries(taken), partner.origin))
  }

  /**
   * A partner left, or closed the document: its client is gone at once. If only a link broke, the other side counts
   * this peer as gone, too, and will believe nothing but a newer state, wherever it hears of it.
   */
  partnerGone({ client, origin }: Partner): void {
    if (client === undefined) return
    this.#guarded(() => removeAwarenessStates(this.#awareness, [client], origin))
    this.#renew()
  }

  /** To be called every 15 s at least. */
  round(): void {
    const nowMs = this.#services.runtime.nowMs()
    const { clientID: own, states, meta } = this.#awareness
    const silentMs = (client: number) => nowMs - (this.#heardAtMs.get(client) ?? nowMs)
    if (silentMs(own) >= RENEW_AFTER_MS) this.#renew()
    const outdated = [...states.keys()].filter(
      (client) => client !== own && silentMs(client) >= OUTDATED_AFTER_MS && !this.#partners.ownerOf(client),
    )
    this.#guarded(() => removeAwarenessStates(this.#awareness, outdated, 'timeout'))
    for (const client of this.#heardAtMs.keys()) {
      if (client === own || states.has(client) || silentMs(client) < FORGET_AFTER_MS) continue
      this.#heardAtMs.delete(client)
      meta.delete(client)
    }
  }

  close(): void {
    this.#sending?.cancel()
    this.#awareness.off('update', this.#changed)
  }

  readonly #changed = ({ added, updated, removed }: AwarenessChange, origin: unknown) => {
    const nowMs = this.#services.runtime.nowMs()
    const source = origin instanceof RemoteOrigin ? origin.peer : undefined
    for (const client of [...added, ...updated, ...removed]) {
      this.#heardAtMs.set(client, nowMs)
      // y-protocols says so if another peer removed this one by mistake: a newer state that all are to hear of.
      this.#news.set(client, client === this.#awareness.clientID ? undefined : source)
    }
    this.#sending ??= this.#sendAfter(this.#sentAtMs + SEND_SPACING_MS - nowMs)
  }

  /** Without a delay in a microtask, because timers of hidden pages are slow. */
  #sendAfter(delayMs: number): Timer {
    if (delayMs > 0) return this.#services.runtime.setTimer(delayMs, () => this.#sendNews())
    let isCancelled = false
    queueMicrotask(() => {
      if (!isCancelled) this.#sendNews()
    })
    return {
      cancel: () => {
        isCancelled = true
      },
    }
  }

  #sendNews(): void {
    this.#sending = undefined
    this.#sentAtMs = this.#services.runtime.nowMs()
    const news = this.#news
    this.#news = new Map()
    for (const partner of this.#partners) {
      if (!partner.isReached) continue
      for (const [client, source] of news) if (this.#mustTell(partner, client, source)) partner.unaware.add(client)
      this.#sendUnaware(partner)
    }
  }

  #sendUnaware(partner: Partner): void {
    if (partner.unaware.size === 0) return
    if (this.#partners.queuedBytes(partner) > BACKED_UP_BYTES) {
      this.#sending ??= this.#sendAfter(SEND_SPACING_MS)
      return
    }
    const clients = [...partner.unaware]
    partner.unaware.clear()
    this.#send(partner, clients)
  }

  /** That a client is gone goes to everyone, once: who is new to its source may just have heard that it is there. */
  #mustTell(partner: Partner, client: number, source: PeerId | undefined): boolean {
    if (!this.#awareness.states.has(client)) return partner.peer !== source
    return this.#partners.mustTell(partner, source)
  }

  /** What a partner that did not get any yet must know: all but its own state, and what others tell it themselves. */
  #sendAll(partner: Partner): void {
    const clients = [...this.#awareness.states.keys()].filter((client) =>
      this.#partners.mustTell(partner, this.#partners.ownerOf(client)?.peer),
    )
    partner.mustSendAwareness = false
    partner.unaware.clear()
    this.#send(partner, clients)
  }

  #send(partner: Partner, clients: readonly number[]): void {
    const entries = clients.flatMap((client) => this.#entry(client) ?? [])
    if (entries.length > 0 && !this.#partners.send(partner, { kind: 'awareness', entries })) {
      partner.mustSendAwareness = true
    }
  }

  #entry(client: number): AwarenessEntry | undefined {
    const clock = this.#awareness.meta.get(client)?.clock
    const state = this.#stateJson(client)
    return clock === undefined || state === undefined ? undefined : { client, clock, state }
  }

  /** Undefined, and logged, if a state of the program can't be sent. */
  #stateJson(client: number): string | undefined {
    try {
      const json = JSON.stringify(this.#awareness.states.get(client) ?? null)
      if (json.length * 3 <= this.#services.limits.awarenessStateBytes) return json
      this.#services.logger.error(`An awareness state of ${json.length} characters is too large to be sent.`)
    } catch (error) {
      this.#services.logger.error('An awareness state is no JSON and can not be sent.', error)
    }
    return undefined
  }

  /** Without the clients that would be too many. */
  #withinLimit(entries: readonly AwarenessEntry[]): AwarenessEntry[] {
    let room = this.#services.limits.awarenessClients - this.#heardAtMs.size
    return entries.filter(({ client }) => this.#heardAtMs.has(client) || room-- > 0)
  }

  #takes(sender: Partner, { client, clock, state }: AwarenessEntry): boolean {
    const isRemoval = state === 'null'
    if (client === this.#awareness.clientID) return isRemoval
    const owner = this.#partners.ownerOf(client)
    if (!isRemoval || owner === undefined || owner === sender) return true
    // Only its own link says that a linked peer is gone. It hears of it, and answers with a newer state.
    this.#partners.send(owner, { kind: 'awareness', entries: [{ client, clock, state }] })
    return false
  }

  #renew(): void {
    const state = this.#awareness.getLocalState()
    if (state !== null) this.#guarded(() => this.#awareness.setLocalState(state))
  }

  /** The listeners of awareness are the program's: what they throw is no fault of a peer. */
  #guarded(change: () => void): void {
    try {
      change()
    } catch (error) {
      this.#services.logger.error('A listener of awareness threw.', error)
    }
  }
}

/** An update in the format of y-protocols. */
function encodeEntries(entries: readonly AwarenessEntry[]): Uint8Array {
  return encode((encoder) =>
    writeList(encoder, entries, (_, { client, clock, state }) => {
      writeCount(encoder, client)
      writeCount(encoder, clock)
      writeString(encoder, state)
    }),
  )
}
