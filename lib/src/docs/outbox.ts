import type { PeerId } from '../base/ids.js'
import type { Partner } from './partners.js'
import { mergeUpdates } from './updates.js'

/** Updates one after the other that came from one place. */
interface Batch {
  /** Undefined: made here. */
  readonly source: PeerId | undefined
  readonly updates: Uint8Array[]
}

/** One update for several partners. */
export interface Delivery {
  readonly partners: Partner[]
  readonly update: Uint8Array
}

/** What is new in a document since the last flush, in the order it came. */
export class Outbox {
  #batches: Batch[] = []

  add(update: Uint8Array, source: PeerId | undefined): void {
    const last = this.#batches.at(-1)
    if (last !== undefined && last.source === source) last.updates.push(update)
    else this.#batches.push({ source, updates: [update] })
  }

  /**
   * Empties it into one merged update for each partner that is to be told anything. Order is kept across sources, so
   * that no update comes before those it builds on.
   */
  take(partners: Iterable<Partner>, mustTell: (partner: Partner, source: PeerId | undefined) => boolean): Delivery[] {
    const batches = this.#batches
    this.#batches = []
    const deliveries = new Map<string, Delivery>()
    for (const partner of partners) {
      const news = [...batches.keys()].filter((i) => mustTell(partner, batches[i]?.source))
      const delivery = deliveries.get(news.join())
      if (delivery !== undefined) delivery.partners.push(partner)
      else if (news.length > 0) deliveries.set(news.join(), { partners: [partner], update: merge(batches, news) })
    }
    return [...deliveries.values()]
  }
}

function merge(batches: readonly Batch[], indexes: readonly number[]): Uint8Array {
  return mergeUpdates(indexes.flatMap((i) => batches[i]?.updates ?? []))
}
