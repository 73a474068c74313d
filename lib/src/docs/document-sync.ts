import * as Y from 'yjs'
import type { PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import { pick } from '../base/random.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { DecodeError } from '../codec/decode.js'
import { hashBytes } from '../codec/hash.js'
import type { DocumentStatus } from './document.js'
import { Outbox } from './outbox.js'
import { type Partner, type Partners, RemoteOrigin } from './partners.js'
import type { Ask, FrameBody, Introduction, StateSummary } from './protocol.js'
import { applyChecked, checkUpdate, dropPending, pendingBytes } from './updates.js'

export interface SyncServices {
  readonly runtime: Runtime
  readonly logger: Logger
  readonly limits: SyncLimits
  /** Never the same twice, so that answers to earlier openings of a document are told apart. */
  nextAskId(): number
}

export interface SyncLimits {
  readonly updateBytes: number
  /** Updates that wait for others that they build on; above, they are dropped and asked for. Default 16 MiB. */
  readonly pendingBytes: number
}

/** Updates of different peers overtake each other all the time: only a gap that stays is worth asking about. */
const SUSPICION_MS = 500

/**
 * Keeps one document equal with that of every partner.
 *
 * Each side pulls: it asks with a summary of its state, the answer brings what it lacks, and from then on the partner
 * is fed with what is new, in batches. Whatever is dropped on the way makes the partner ask again.
 *
 * Invariants:
 * 1. a partner is fed only after an answer that was queued: between what it has and what it is sent is no gap;
 * 2. a drop ends the feeding and makes the partner stale, until it asks again;
 * 3. partners are told about new links before any update that those links carry;
 * 4. a change is told to no partner that its source tells itself (`Partners.mustTell`).
 */
export class DocumentSync {
  readonly #y: Y.Doc
  readonly #client: number
  readonly #partners: Partners
  readonly #services: SyncServices
  readonly #onStatus: (status: DocumentStatus) => void
  readonly #outbox = new Outbox()
  #status: DocumentStatus = 'alone'
  #flushIsDue = false
  /** As partners were told last. */
  #toldLinks: readonly PeerId[] = []
  /** Of the state as it is; undefined after a change. */
  #summary: StateSummary | undefined
  /** Partners to ask if something is missing still when the timer fires. */
  readonly #gapsFrom = new Set<PeerId>()
  /** Partners that lost another link, and with it perhaps updates on their way: they were not passed on from here. */
  readonly #cutOff = new Set<PeerId>()
  #suspicion: Timer | undefined

  constructor(
    y: Y.Doc,
    client: number,
    partners: Partners,
    services: SyncServices,
    onStatus: (status: DocumentStatus) => void,
  ) {
    this.#y = y
    this.#client = client
    this.#partners = partners
    this.#services = services
    this.#onStatus = onStatus
    y.on('update', this.#changed)
  }

  get status(): DocumentStatus {
    return this.#status
  }

  /** Does what follows from the state of the partners. */
  evaluate(): void {
    for (const partner of this.#partners) if (partner.mustAsk) this.#ask(partner)
    this.#tellLinks()
    for (const partner of this.#partners) if (partner.ask !== undefined) this.#answer(partner, partner.ask)
    for (const partner of this.#partners) if (partner.isStale) this.#tellStale(partner)
    this.#updateStatus()
  }

  /** Only changes state: `evaluate` is to follow. @throws DecodeError */
  receive(partner: Partner, frame: Exclude<FrameBody, { kind: 'absent' | 'awareness' }>): void {
    if (frame.kind === 'update') this.#updated(partner, frame.update)
    else if (frame.kind === 'ask') this.#asked(partner, frame)
    else if (frame.kind === 'answer') this.#answered(partner, frame)
    else if (frame.kind === 'links') this.#linked(partner, new Set(frame.links))
    else partner.mustBeAskedAgain()
  }

  /** Repairs what nobody noticed: asks one partner by lot, and those that did not answer, or not to the full. */
  round(): void {
    const isAnswering = ({ presence, askId }: Partner) => presence === 'open' && askId !== undefined
    const idle = [...this.#partners].filter((partner) => !isAnswering(partner))
    const open = idle.filter(({ presence }) => presence === 'open')
    const drawn = open.length > 0 ? [pick(() => this.#services.runtime.random(), open)] : []
    for (const partner of [...idle.filter(({ hasAnswered }) => !hasAnswered), ...drawn]) partner.mustAsk = true
    this.evaluate()
  }

  /** Says farewell to the partners. */
  close(): void {
    this.#flush()
    this.#suspicion?.cancel()
    this.#y.off('update', this.#changed)
    this.#partners.sendAbsent()
  }

  // What partners say

  #asked(partner: Partner, ask: Ask): void {
    // It opened the document just now, perhaps with content of its own.
    if (partner.presence !== 'open') partner.hasAnswered = false
    partner.introduced(ask.self)
    partner.ask = ask
    if (!partner.hasAnswered && partner.askId === undefined) partner.mustAsk = true
  }

  #answered(partner: Partner, answer: Extract<FrameBody, { kind: 'answer' }>): void {
    if (answer.askId !== partner.askId) return
    partner.introduced(answer.self)
    partner.askId = undefined
    partner.hasAnswered = true
    if (answer.update !== undefined) this.#apply(partner, answer.update)
  }

  #updated(partner: Partner, update: Uint8Array): void {
    this.#apply(partner, update)
    if (pendingBytes(this.#y) > 0) this.#suspect(this.#gapsFrom, partner.peer)
  }

  #linked(partner: Partner, links: ReadonlySet<PeerId>): void {
    for (const peer of partner.links) if (!links.has(peer)) this.#suspect(this.#cutOff, peer)
    partner.links = links
  }

  #apply(partner: Partner, update: Uint8Array): void {
    checkUpdate(update)
    try {
      applyChecked(this.#y, update, partner.origin)
    } catch (error) {
      if (error instanceof DecodeError) throw error
      this.#services.logger.error(`An observer of the document ${this.#y.guid} threw.`, error)
    }
    if (pendingBytes(this.#y) <= this.#services.limits.pendingBytes) return
    dropPending(this.#y)
    partner.hasAnswered = false // and is asked in the next round: asking at once might bring the same again, for ever
  }

  // What this peer says

  #ask(partner: Partner): void {
    const askId = this.#services.nextAskId()
    const ask = { kind: 'ask', askId, self: this.#introduction(), summary: this.#summarize() } as const
    if (!this.#partners.send(partner, ask)) return
    partner.askId = askId
    partner.mustAsk = false
  }

  #answer(partner: Partner, ask: Ask): void {
    this.#flush()
    partner.ask = undefined
    const hasAll = ask.summary.stateHash === this.#summarize().stateHash
    const update = hasAll ? undefined : Y.encodeStateAsUpdate(this.#y, ask.summary.stateVector)
    if (update !== undefined && this.#isTooLarge(update)) return
    const answer = { kind: 'answer', askId: ask.askId, self: this.#introduction(), update } as const
    partner.isFed = this.#partners.send(partner, answer)
    partner.isStale = !partner.isFed
    partner.mustSendAwareness = partner.isFed
  }

  #tellStale(partner: Partner): void {
    if (this.#partners.send(partner, { kind: 'stale' })) partner.isStale = false
  }

  #tellLinks(): void {
    const { links } = this.#introduction()
    if (links.join() === this.#toldLinks.join()) return
    this.#flush()
    this.#toldLinks = links
    const frame = this.#partners.encode({ kind: 'links', links })
    for (const partner of this.#partners) if (partner.isFed) this.#feed(partner, frame)
  }

  #flush(): void {
    this.#flushIsDue = false
    const fed = [...this.#partners].filter(({ isFed }) => isFed)
    const mustTell = (partner: Partner, source: PeerId | undefined) => this.#partners.mustTell(partner, source)
    for (const { partners, update } of this.#outbox.take(fed, mustTell)) {
      const frame = this.#isTooLarge(update) ? undefined : this.#partners.encode({ kind: 'update', update })
      for (const partner of partners) this.#feed(partner, frame)
    }
  }

  /** @param frame undefined: it can't be sent */
  #feed(partner: Partner, frame: Uint8Array | undefined): void {
    if (frame !== undefined && this.#partners.sendEncoded(partner, frame)) return
    partner.isFed = false
    partner.isStale = true
    this.#tellStale(partner) // now if it can be; if the queue is full, when it drains
  }

  readonly #changed = (update: Uint8Array, origin: unknown) => {
    this.#summary = undefined
    this.#outbox.add(update, origin instanceof RemoteOrigin ? origin.peer : undefined)
    if (this.#flushIsDue) return
    this.#flushIsDue = true
    queueMicrotask(() => this.#flush())
  }

  // Details

  #suspect(suspects: Set<PeerId>, peer: PeerId): void {
    suspects.add(peer)
    const delayMs = SUSPICION_MS * (1 + this.#services.runtime.random())
    this.#suspicion ??= this.#services.runtime.setTimer(delayMs, () => this.#confirmSuspicions())
  }

  #confirmSuspicions(): void {
    this.#suspicion = undefined
    const withGap = pendingBytes(this.#y) > 0 ? this.#gapsFrom : []
    for (const partner of this.#partners.those(withGap)) if (partner.askId === undefined) partner.mustAsk = true
    for (const partner of this.#partners.those(this.#cutOff)) if (partner.isFed) partner.isStale = true
    this.#gapsFrom.clear()
    this.#cutOff.clear()
    this.evaluate()
  }

  #introduction(): Introduction {
    return { client: this.#client, links: this.#partners.open().map(({ peer }) => peer) }
  }

  #summarize(): StateSummary {
    this.#summary ??= {
      stateVector: Y.encodeStateVector(this.#y),
      stateHash: hashBytes(Y.encodeSnapshot(Y.snapshot(this.#y))),
    }
    return this.#summary
  }

  /** Such an update stays here: the other side would close the link. */
  #isTooLarge(update: Uint8Array): boolean {
    const limitBytes = this.#services.limits.updateBytes
    if (update.length <= limitBytes) return false
    this.#services.logger.error(
      `The document ${this.#y.guid} can not be shared: an update has ${update.length} bytes, the limit is ${limitBytes}.`,
    )
    return true
  }

  #updateStatus(): void {
    const isWaiting = [...this.#partners].some(({ hasAnswered }) => !hasAnswered)
    const isShared = this.#partners.open().length > 0
    const status = isWaiting ? 'syncing' : isShared ? 'synced' : 'alone'
    if (status === this.#status) return
    this.#status = status
    this.#onStatus(status)
  }
}
