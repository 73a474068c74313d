import * as Y from 'yjs'
import type { PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import { pick } from '../base/random.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { DecodeError } from '../codec/decode.js'
import { hashBytes } from '../codec/hash.js'
import type { DocumentStatus } from './document.js'
import { Haves } from './haves.js'
import { hasNews, News, Outbox } from './news.js'
import { Pace } from './pace.js'
import { type Partner, type Partners, RemoteOrigin } from './partners.js'
import type { Ask, FrameBody, Introduction, StateSummary } from './protocol.js'
import type { Sent } from './sender.js'
import type { Tree } from './tree.js'
import { applyChecked, checkUpdate, dropPending, isKnown, pendingBytes, watchPending } from './updates.js'

export interface SyncServices {
  readonly runtime: Runtime
  readonly logger: Logger
  readonly limits: SyncLimits
  /** Never the same twice, so that answers to earlier openings of a document are told apart. */
  nextAskId(): number
  /** Whether the updates that a linked peer hands on are taken. */
  mayWrite(peer: PeerId, name: string): boolean
}

export interface SyncEvents {
  status(status: DocumentStatus): void
  readOnly(isReadOnly: boolean): void
}

export interface SyncLimits {
  readonly updateBytes: number
  /** Updates that wait for others that they build on; above, they are dropped and asked for. Default 16 MiB. */
  readonly pendingBytes: number
}

/** Updates of different peers overtake each other all the time: only a gap that stays is worth asking about. */
const SUSPICION_MS = 500
/** Of flushes while changes keep coming. A native send costs up to 0.8 ms of the thread (measured). */
const SPACING_MS = 10
const SPACING_PER_PARTNER_MS = 2
/** While so many pass on what is new, flushes are that many times as far apart. */
const MAX_CROWD = 4
/** With so much in the queue towards every partner, another update would only wait in it. */
const BACKED_UP_BYTES = 256 * 1024

/**
 * Keeps one document equal with that of every partner.
 *
 * Each side pulls: it asks with a summary of its state, the answer brings what it lacks, and from then on the partner
 * is fed with what is new, in batches, if the link is eager (`Tree`). Whatever is dropped on the way makes the partner
 * ask again. What is too long for one message leaves in parts, and what is new meanwhile right after it.
 *
 * Invariants:
 * 1. a partner is fed only after an answer that was queued to its end: between what it has and what it is sent is no
 *    gap. So both ends of a link that becomes eager ask;
 * 2. a drop ends the feeding and makes the partner stale, until it asks again;
 * 3. partners are told about new links before any update that those links carry;
 * 4. a change is told to no partner that its source tells itself (`Partners.mustTell`); what came before the update that
 *    it builds on, from whomever, is told to all;
 * 5. of a partner that may not write nothing is taken, and it is told so; what it has more then differs for ever, but
 *    content travels only when there is something new to it (`takenHash`).
 */
export class DocumentSync {
  readonly #y: Y.Doc
  readonly #client: number
  readonly #partners: Partners
  readonly #tree: Tree
  readonly #haves: Haves
  readonly #services: SyncServices
  readonly #events: SyncEvents
  readonly #outbox = new Outbox()
  readonly #pace: Pace
  /** So many others brought what was flushed last. */
  #crowd = 0
  #status: DocumentStatus = 'loading'
  #isReadOnly = false
  #isLoaded = false
  /** Of the state as it is; undefined after a change. */
  #summary: StateSummary | undefined
  /** Partners to ask if something is missing still when the timer fires. */
  readonly #gapsFrom = new Set<PeerId>()
  /** Partners that lost another link, and with it perhaps updates on their way: they were not passed on from here. */
  readonly #cutOff = new Set<PeerId>()
  #suspicion: Timer | undefined
  /** Since the update that is being applied. */
  #hasPendingComeIn = () => false

  constructor(y: Y.Doc, client: number, tree: Tree, partners: Partners, services: SyncServices, events: SyncEvents) {
    this.#y = y
    this.#client = client
    this.#tree = tree
    this.#partners = partners
    const missed = (partner: Partner) => this.#missed(partner)
    this.#haves = new Haves({ runtime: services.runtime, y, partners, missed })
    this.#services = services
    this.#events = events
    this.#pace = new Pace({
      runtime: services.runtime,
      spacingMs: () => this.#spacingMs(),
      isBackedUp: () => this.#isBackedUp(),
      flush: () => this.#flush(),
    })
    y.on('afterTransactionCleanup', this.#changed)
  }

  get status(): DocumentStatus {
    return this.#status
  }

  /** Some partner does not take what is changed here. */
  get isReadOnly(): boolean {
    return this.#isReadOnly
  }

  /** What was stored is here: the partners may be asked, and answered. `evaluate` is to follow. */
  loaded(): void {
    this.#isLoaded = true
  }

  /** Does what follows from the state of the partners. */
  evaluate(): void {
    this.#tree.evaluate()
    for (const partner of this.#partners) this.#followTree(partner)
    if (this.#isLoaded) {
      for (const partner of this.#partners) this.#judge(partner)
      for (const partner of this.#partners) if (partner.mustAsk) this.#ask(partner)
      this.#tellSelf()
      for (const partner of this.#partners) if (partner.ask !== undefined) this.#answer(partner, partner.ask)
      for (const partner of this.#partners) if (partner.isStale) this.#tellStale(partner)
    }
    this.#updateStatus()
  }

  /** Only changes state: `evaluate` is to follow. @throws DecodeError */
  receive(partner: Partner, frame: SyncFrame): void {
    if (frame.kind === 'update') this.#updated(partner, frame.update)
    else if (frame.kind === 'ask') this.#asked(partner, frame)
    else if (frame.kind === 'answer') this.#answered(partner, frame)
    else if (frame.kind === 'self') this.#introduced(partner, frame.self)
    else if (frame.kind === 'have') this.#told(partner, frame.outline)
    else if (partner.isDistant) partner.mustBeAsked()
    else partner.mustBeAskedAgain()
  }

  /** Repairs what nobody noticed: asks one partner by lot, and those that did not answer, or not to the full. */
  round(): void {
    const isAnswering = ({ presence, askId }: Partner) => presence === 'open' && askId !== undefined
    const idle = [...this.#partners].filter((partner) => !isAnswering(partner))
    const open = idle.filter(({ presence }) => presence === 'open')
    const drawn = open.length > 0 ? [pick(() => this.#services.runtime.random(), open)] : []
    const distant = [...this.#partners].filter(({ isDistant, isArriving }) => isDistant && !isArriving)
    const unanswered = idle.filter(({ hasAnswered }) => !hasAnswered)
    for (const partner of [...unanswered, ...distant, ...drawn]) partner.mustAsk = true
    for (const partner of this.#partners) partner.isArriving = false
    this.#tree.round()
    this.evaluate()
  }

  /** Says farewell to the partners. */
  close(): void {
    this.#flush()
    this.#pace.stop()
    this.#haves.close()
    this.#suspicion?.cancel()
    this.#y.off('afterTransactionCleanup', this.#changed)
    this.#partners.sendAbsent()
  }

  // What partners say

  #asked(partner: Partner, ask: Ask): void {
    // It opened the document just now, perhaps with content of its own.
    if (partner.presence !== 'open') partner.hasAnswered = false
    partner.introduced(ask.self)
    partner.ask = ask
    if (partner.isDistant && partner.meanwhile !== undefined) this.#partners.abort(partner) // some of it got lost
    if (!partner.hasAnswered && partner.askId === undefined) partner.mustAsk = true
  }

  #answered(partner: Partner, answer: Extract<FrameBody, { kind: 'answer' }>): void {
    if (answer.askId !== partner.askId) return
    partner.introduced(answer.self)
    partner.askId = undefined
    partner.mustAsk = partner.hasMore
    partner.hasMore = false
    partner.hasAnswered = true
    if (!this.#judge(partner)) return
    partner.takenHash = answer.stateHash
    if (answer.update !== undefined) this.#apply(partner, answer.update)
  }

  #updated(partner: Partner, update: Uint8Array): void {
    if (!this.#judge(partner)) {
      this.#tellSelf() // perhaps it does not know yet
      return
    }
    this.#apply(partner, update)
    if (pendingBytes(this.#y) > 0) this.#suspect(this.#gapsFrom, partner.peer)
  }

  #told(partner: Partner, outline: Uint8Array): void {
    if (this.#judge(partner)) this.#haves.heard(partner, outline)
  }

  #missed(partner: Partner): void {
    if (this.#partners.get(partner.peer) !== partner) return
    this.#tree.graft(partner)
    partner.mustBeAsked()
    this.evaluate()
  }

  #introduced(partner: Partner, self: Introduction): void {
    const { links, isChosenThere } = partner
    partner.introduced(self)
    // If this end chose the link just then, the other one stopped to feed it before it heard of that.
    if (isChosenThere && !self.isChosen) partner.mustBeAsked()
    for (const peer of links) if (!partner.links.has(peer)) this.#suspect(this.#cutOff, peer)
  }

  /** Whether what the partner hands on is taken; who may write from now on is asked for what it has. */
  #judge(partner: Partner): boolean {
    const mayWrite = this.#services.mayWrite(partner.peer, this.#y.guid)
    if (mayWrite && !partner.mayWrite && partner.presence === 'open') partner.mustBeAskedAgain()
    if (!mayWrite) partner.takenHash = undefined
    partner.mayWrite = mayWrite
    return mayWrite
  }

  #apply(partner: Partner, update: Uint8Array): void {
    if (isKnown(this.#y, checkUpdate(update))) return
    this.#hasPendingComeIn = watchPending(this.#y)
    try {
      applyChecked(this.#y, update, partner.origin)
    } catch (error) {
      if (error instanceof DecodeError) throw error
      this.#services.logger.error(`An observer of the document ${this.#y.guid} threw.`, error)
    }
    if (pendingBytes(this.#y) <= this.#services.limits.pendingBytes) return
    dropPending(this.#y)
    partner.takenHash = undefined
    partner.hasAnswered = false // and is asked in the next round: asking at once might bring the same again, for ever
  }

  // What this peer says

  #followTree(partner: Partner): void {
    const { isEager } = partner
    if (isEager === partner.wasEager) return
    partner.wasEager = isEager
    if (isEager) partner.mustBeAsked()
    else partner.isFed = false
  }

  #ask(partner: Partner): void {
    const askId = this.#services.nextAskId()
    const [self, summary, takenHash] = [this.#introduction(partner), this.#summarize(), partner.takenHash]
    if (!this.#partners.send(partner, { kind: 'ask', askId, self, summary, takenHash })) return
    partner.told = keyOf(self)
    partner.askId = askId
    partner.mustAsk = false
  }

  #answer(partner: Partner, ask: Ask): void {
    if (partner.mustWait && this.#partners.isBusy(partner)) return
    this.#flush()
    const self = this.#introduction(partner)
    const { stateHash } = this.#summarize()
    const update = this.#lacking(partner, ask)
    if (update !== undefined && this.#isTooLarge(update)) {
      partner.ask = undefined
      return
    }
    const answer = { kind: 'answer', self, askId: ask.askId, stateHash, update } as const
    const sent = this.#give(partner, this.#partners.encode(answer))
    partner.mustWait = sent === 'busy'
    if (partner.mustWait) return
    partner.told = keyOf(self)
    partner.ask = undefined
    partner.isStale = sent !== 'queued' && sent !== 'begun'
    partner.mustSendAwareness = sent === 'queued'
  }

  /** What is here and not there; undefined: nothing that it would take. */
  #lacking({ takesOurs }: Partner, { summary, takenHash }: Ask): Uint8Array | undefined {
    const { stateHash } = this.#summarize()
    if (!takesOurs || summary.stateHash === stateHash || takenHash === stateHash) return undefined
    return Y.encodeStateAsUpdate(this.#y, summary.stateVector)
  }

  #tellStale(partner: Partner): void {
    if (this.#partners.send(partner, { kind: 'stale' })) partner.isStale = false
  }

  #tellSelf(): void {
    const frames = new Map<string, Uint8Array>()
    const links = this.#links()
    const text = links.join()
    for (const partner of this.#partners) {
      const self = this.#introduction(partner, links)
      const key = keyOf(self, text)
      if (!(partner.isFed || partner.isLazy) || key === partner.told) continue
      if (frames.size === 0) this.#flush()
      const frame = frames.get(key) ?? this.#partners.encode({ kind: 'self', self })
      frames.set(key, frame)
      if (partner.isFed) this.#feed(partner, frame)
      else if (!this.#partners.sendFrame(partner, frame)) continue
      partner.told = key
    }
  }

  #flush(): void {
    if (this.#outbox.isEmpty) return
    this.#pace.flushed()
    this.#crowd = this.#outbox.remoteSources
    const mustTell = (partner: Partner, source: PeerId | undefined) => this.#partners.mustTell(partner, source)
    this.#haves.note(this.#outbox)
    for (const partner of this.#partners) {
      if (partner.isDistant && partner.presence === 'open' && this.#outbox.isFor(partner, mustTell)) {
        this.#tellStale(partner)
      }
    }
    for (const { partners, update } of this.#outbox.take(this.#y, this.#fed(), mustTell)) {
      const frame = this.#isTooLarge(update) ? undefined : this.#partners.encode({ kind: 'update', update })
      for (const partner of partners) this.#feed(partner, frame)
    }
  }

  /** @param frame undefined: it can't be sent */
  #feed(partner: Partner, frame: Uint8Array | undefined): void {
    const sent = frame === undefined ? 'too-large' : this.#give(partner, frame)
    if (sent === 'queued' || sent === 'begun') return
    partner.isFed = false
    partner.isStale = true
    this.#tellStale(partner) // now if it can be; if the queue is full, when it drains
  }

  /** After a frame that begins to leave in parts, the partner is fed again when all of it has left. */
  #give(partner: Partner, frame: Uint8Array): Sent {
    const meanwhile = new News()
    const sent = this.#partners.sendAny(partner, frame, () => this.#given(partner, meanwhile))
    if (sent === 'busy') return sent
    partner.isFed = sent === 'queued' && partner.isEager
    partner.meanwhile = sent === 'begun' ? meanwhile : undefined
    return sent
  }

  #given(partner: Partner, meanwhile: News): void {
    if (partner.meanwhile !== meanwhile) return
    this.#flush() // to the others; what is in it for this one is in `meanwhile`
    partner.meanwhile = undefined
    partner.isFed = partner.isEager
    partner.mustSendAwareness = true
    if (meanwhile.isEmpty || !partner.isFed) return
    const update = meanwhile.encode(this.#y)
    this.#feed(partner, this.#isTooLarge(update) ? undefined : this.#partners.encode({ kind: 'update', update }))
  }

  readonly #changed = (transaction: Y.Transaction) => {
    if (!hasNews(transaction)) return
    this.#summary = undefined
    const source = this.#sourceOf(transaction)
    this.#outbox.add(transaction, source)
    for (const { peer, meanwhile } of this.#partners) if (peer !== source) meanwhile?.add(transaction)
    this.#pace.soon()
  }

  // Details

  /** Undefined: this peer, or more than one. */
  #sourceOf({ origin }: Y.Transaction): PeerId | undefined {
    return origin instanceof RemoteOrigin && !this.#hasPendingComeIn() ? origin.peer : undefined
  }

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

  #fed(): Partner[] {
    return [...this.#partners].filter(({ isFed, takesOurs }) => isFed && takesOurs)
  }

  /** The more there are to tell, and the more there is to pass on, the longer: so what all peers do together is bounded. */
  #spacingMs(): number {
    const crowd = Math.min(MAX_CROWD, 1 + Math.max(this.#crowd, this.#outbox.remoteSources))
    return Math.max(SPACING_MS, SPACING_PER_PARTNER_MS * this.#fed().length * crowd)
  }

  #isBackedUp(): boolean {
    const fed = this.#fed()
    return fed.length > 0 && fed.every((partner) => this.#partners.queuedBytes(partner) > BACKED_UP_BYTES)
  }

  #introduction({ mayWrite, isChosen }: Partner, links = this.#links()): Introduction {
    return { client: this.#client, links, takesYours: mayWrite, isChosen }
  }

  /** Those whom this peer tells itself what is new. */
  #links(): PeerId[] {
    const isTold = ({ presence, isLazy, takesOurs }: Partner) => presence === 'open' && !isLazy && takesOurs
    return [...this.#partners].filter(isTold).map(({ peer }) => peer)
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
    const isReadOnly = this.#partners.open().some(({ takesOurs }) => !takesOurs)
    if (isReadOnly !== this.#isReadOnly) {
      this.#isReadOnly = isReadOnly
      this.#events.readOnly(isReadOnly)
    }
    const status = this.#currentStatus()
    if (status === this.#status) return
    this.#status = status
    this.#events.status(status)
  }

  #currentStatus(): DocumentStatus {
    if (!this.#isLoaded) return 'loading'
    if ([...this.#partners].some(({ hasAnswered }) => !hasAnswered)) return 'syncing'
    return this.#partners.open().length > 0 ? 'synced' : 'alone'
  }
}

type SyncFrame = Exclude<FrameBody, { kind: 'absent' | 'awareness' | 'part' | 'taken' | 'beacon' }>

function keyOf({ links, takesYours, isChosen }: Introduction, text = links.join()): string {
  return `${takesYours} ${isChosen} ${text}`
}
