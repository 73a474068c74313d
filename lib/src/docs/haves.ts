import type * as Y from 'yjs'
import { pick } from '../base/random.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { News, type Outbox } from './news.js'
import type { Partner, Partners } from './partners.js'
import { PART_BYTES } from './protocol.js'
import { checkUpdate, isKnown } from './updates.js'

export interface HavesOptions {
  readonly runtime: Runtime
  readonly y: Y.Doc
  readonly partners: Partners
  /** The partner has what has not come here in all the time that it takes on the tree. */
  missed(partner: Partner): void
}

/** While anything is new, what it was is told so often, */
const TELL_MS = 1_000
/** to so many lazy partners: as all do so, each hears of it two times. */
const TOLD_PARTNERS = 2
/** What has not come so long after it was told of should have come. */
const PATIENCE_MS = 750

/**
 * What lazy links carry: not what is new, but which it was, once a second. So it is noticed when the tree does not bring
 * something, say because a peer on it has stopped and its links are not known to be broken.
 */
export class Haves {
  readonly #options: HavesOptions
  #news = new News()
  #timer: Timer | undefined
  /** What partners said they have, until that should be here: of each at most one. */
  readonly #doubts = new Map<Partner, Timer>()

  constructor(options: HavesOptions) {
    this.#options = options
  }

  /** Is to be called before the outbox is emptied. */
  note(outbox: Outbox): void {
    if (this.#lazy().length === 0) return
    outbox.copyTo(this.#news)
    this.#timer ??= this.#options.runtime.setTimer(TELL_MS, () => this.#tell())
  }

  /** @throws DecodeError */
  heard(partner: Partner, outline: Uint8Array): void {
    const { runtime, y, missed } = this.#options
    const content = checkUpdate(outline)
    if (this.#doubts.has(partner) || isKnown(y, content)) return
    const timer = runtime.setTimer(PATIENCE_MS, () => {
      this.#doubts.delete(partner)
      if (!isKnown(y, content)) missed(partner)
    })
    this.#doubts.set(partner, timer)
  }

  close(): void {
    this.#timer?.cancel()
    for (const timer of this.#doubts.values()) timer.cancel()
  }

  #tell(): void {
    const { partners, runtime } = this.#options
    const outline = this.#news.outline()
    this.#timer = undefined
    this.#news = new News()
    if (outline.length > PART_BYTES) return // the rounds will do
    const frame = partners.encode({ kind: 'have', outline })
    const lazy = this.#lazy()
    for (let i = 0; i < TOLD_PARTNERS && lazy.length > 0; i++) {
      const partner = pick(() => runtime.random(), lazy)
      lazy.splice(lazy.indexOf(partner), 1)
      partners.sendFrame(partner, frame)
    }
  }

  #lazy(): Partner[] {
    return [...this.#options.partners].filter(({ isLazy, takesOurs }) => isLazy && takesOurs)
  }
}
