import type { PeerId } from '../base/ids.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { WEIGHTS, weightOf } from './pair-weight.js'
import { paceMs } from './settings.js'

export interface OverlayOptions {
  readonly runtime: Runtime
  /** `limits.links`. */
  readonly limit: number
  readonly links: ReadonlyMap<PeerId, unknown>
  self(): PeerId
  /** Everybody there is to link with. */
  known(): ReadonlySet<PeerId>
  /** Its record says that it takes no more links. */
  isFull(peer: PeerId): boolean
  /** It is known, but most likely can't be linked now, or its link is in doubt. */
  isDoubtful(peer: PeerId): boolean
  /** Gives up a link, so that there is room for a better one. */
  unlink(peer: PeerId): void
  /** Offers `peer` to end the link, should it not need it either. */
  release(peer: PeerId): void
  /** It is time to ask again who is wanted. */
  changed(): void
}

/** A set or a map of peers. */
type Taken = Pick<ReadonlySet<PeerId>, 'size' | 'has'>

/** A choice among more than the limit holds for so long, the longer the more there are: it costs a walk over all. */
const CHOOSE_EVERY_MS = 100
/** Who said that it is full is not asked again for this long. */
const FULL_FOR_MS = 5_000
/** A link that is not wanted may be wanted again soon, when peers come and go. */
const RELEASE_AFTER_MS = 10_000
/** Links of a peer that is not preferred to those who are. */
const PREFERRED_LINKS = 2

/**
 * Whom to link with. Everybody, as long as all who are known are not more than the limit. Else a graph of bounded degree
 * that is connected and as shallow as a random one: every peer wants those half as many others as its limit that it
 * draws the lowest weights with, and lets others in until it is full. Preferred peers, the voters, want all of each
 * other, and every other peer wants two of them.
 *
 * A link that one of its ends wants stays, unless the other end needs the room for one that it wants itself; a link that
 * neither wants ends after a while.
 */
export class Overlay {
  readonly #options: OverlayOptions
  #preferred: ReadonlySet<PeerId> = new Set()
  readonly #fullUntilMs = new Map<PeerId, number>()
  /** Of links that this peer does not want: since when, or Infinity once it has said so. */
  readonly #unwantedSinceMs = new Map<PeerId, number>()
  #choice: { readonly peers: ReadonlySet<PeerId>; readonly untilMs: number } | undefined
  #timer: Timer | undefined
  #dueAtMs = Number.POSITIVE_INFINITY

  constructor(options: OverlayOptions) {
    this.#options = options
  }

  prefer(peers: Iterable<PeerId>): void {
    this.#preferred = new Set(peers)
    this.#choice = undefined
    this.#options.changed()
  }

  /** `peer` refused for want of room. */
  refusedBy(peer: PeerId): void {
    this.#fullUntilMs.set(peer, this.#options.runtime.nowMs() + FULL_FOR_MS)
  }

  /** All are wanted. */
  get isFullMesh(): boolean {
    return this.#options.known().size <= this.#options.limit
  }

  /** As chosen last; linked or not. */
  get wanted(): ReadonlySet<PeerId> {
    return this.isFullMesh ? this.#options.known() : (this.#choice?.peers ?? new Set(this.#options.links.keys()))
  }

  /** Who is wanted now. To be called when something has changed: a new choice waits for its time, then `changed` tells. */
  choose(): ReadonlySet<PeerId> {
    if (this.isFullMesh) {
      this.#choice = undefined
      return this.#options.known()
    }
    const nowMs = this.#options.runtime.nowMs()
    // Who has only just seen that they are so many waits for the rest of them.
    this.#choice ??= { peers: new Set(this.#options.links.keys()), untilMs: this.#nextChoiceMs(nowMs) }
    if (nowMs < this.#choice.untilMs) {
      this.#changedAt(this.#choice.untilMs)
      return this.#choice.peers
    }
    const peers = this.#chooseAnew()
    this.#choice = { peers, untilMs: this.#nextChoiceMs(nowMs) }
    this.#offerToRelease(peers, nowMs)
    return peers
  }

  /** `peer` does not need its link with this one. */
  released(peer: PeerId): void {
    if (!this.wanted.has(peer)) this.#options.unlink(peer)
  }

  close(): void {
    this.#timer?.cancel()
  }

  /** @param taken peers that are linked, or about to be */
  isFull(taken: Taken): boolean {
    return taken.size + this.#reserved(taken) >= this.#options.limit
  }

  /** Whether there is room for a link with `peer`; makes it, at the cost of a link that is not wanted, for who is. */
  makeRoom(peer: PeerId, taken: Taken): boolean {
    const isReserved = this.#isPreferredPair(peer)
    if (isReserved ? taken.size < this.#options.limit : !this.isFull(taken)) return true
    const { wanted } = this
    const victim = wanted.has(peer) ? this.#leastWanted(wanted, isReserved) : undefined
    if (victim !== undefined) this.#options.unlink(victim)
    return victim !== undefined
  }

  #chooseAnew(): Set<PeerId> {
    const { runtime, self, known, limit, links } = this.#options
    this.#forgetOld()
    const ranked = ranking(self(), known())
    const chosen = new Set(this.#choosePreferred(ranked))
    let missing = Math.ceil(limit / 2)
    for (const peer of ranked) {
      if (missing <= 0) break
      if (!links.has(peer) && this.#isFullNow(peer)) continue
      chosen.add(peer)
      if (!this.#options.isDoubtful(peer)) missing--
    }
    if (missing > 0) this.#changedAt(runtime.nowMs() + FULL_FOR_MS)
    return chosen
  }

  #choosePreferred(ranked: readonly PeerId[]): PeerId[] {
    const preferred = ranked.filter((peer) => this.#preferred.has(peer))
    if (this.#preferred.has(this.#options.self())) return preferred
    return preferred.filter((peer) => this.#mayAsk(peer, ranked.length)).slice(0, PREFERRED_LINKS)
  }

  /** In a mesh of a thousand only the fortieth part may ask a preferred peer, or all would at once when it has room. */
  #mayAsk(peer: PeerId, count: number): boolean {
    const { links, self, limit } = this.#options
    return links.has(peer) || (!this.#isFullNow(peer) && weightOf(self(), peer) < (WEIGHTS * 2 * limit) / count)
  }

  #isFullNow(peer: PeerId): boolean {
    return this.#fullUntilMs.has(peer) || this.#options.isFull(peer)
  }

  #nextChoiceMs(nowMs: number): number {
    return nowMs + paceMs(CHOOSE_EVERY_MS, this.#options.known().size)
  }

  #offerToRelease(wanted: ReadonlySet<PeerId>, nowMs: number): void {
    const { links, release } = this.#options
    for (const peer of this.#unwantedSinceMs.keys()) if (!links.has(peer)) this.#unwantedSinceMs.delete(peer)
    for (const peer of [...links.keys()]) {
      const sinceMs = this.#unwantedSinceMs.get(peer) ?? nowMs
      const isDue = nowMs >= sinceMs + RELEASE_AFTER_MS
      if (wanted.has(peer)) this.#unwantedSinceMs.delete(peer)
      else this.#unwantedSinceMs.set(peer, isDue ? Number.POSITIVE_INFINITY : sinceMs)
      if (wanted.has(peer) || sinceMs === Number.POSITIVE_INFINITY) continue
      if (isDue) release(peer)
      else this.#changedAt(sinceMs + RELEASE_AFTER_MS)
    }
  }

  #changedAt(atMs: number): void {
    if (this.#dueAtMs <= atMs) return
    const { runtime, changed } = this.#options
    this.#timer?.cancel()
    this.#dueAtMs = atMs
    this.#timer = runtime.setTimer(atMs - runtime.nowMs(), () => {
      this.#dueAtMs = Number.POSITIVE_INFINITY
      changed()
    })
  }

  #forgetOld(): void {
    const nowMs = this.#options.runtime.nowMs()
    for (const [peer, untilMs] of this.#fullUntilMs) if (untilMs <= nowMs) this.#fullUntilMs.delete(peer)
  }

  /** Room that a preferred peer keeps for the others. */
  #reserved(taken: Taken): number {
    const { self, known } = this.#options
    if (!this.#preferred.has(self())) return 0
    const everybody = known()
    return [...this.#preferred].filter((peer) => everybody.has(peer) && !taken.has(peer)).length
  }

  #isPreferredPair(peer: PeerId): boolean {
    return this.#preferred.has(peer) && this.#preferred.has(this.#options.self())
  }

  /** @param even if all are wanted, one that is not preferred is given up */
  #leastWanted(wanted: ReadonlySet<PeerId>, even: boolean): PeerId | undefined {
    const { self, links, isDoubtful } = this.#options
    const ranked = ranking(self(), links.keys()).reverse()
    const unwanted = ranked.filter((peer) => !wanted.has(peer))
    return (
      unwanted.find(isDoubtful) ?? unwanted[0] ?? (even ? ranked.find((peer) => !this.#preferred.has(peer)) : undefined)
    )
  }
}

/** Lowest weight first. */
function ranking(self: PeerId, peers: Iterable<PeerId>): PeerId[] {
  return [...peers]
    .map((peer) => ({ peer, weight: weightOf(self, peer) }))
    .sort((a, b) => a.weight - b.weight)
    .map(({ peer }) => peer)
}
