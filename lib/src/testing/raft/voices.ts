import type { Goodbye } from '../../raft/messages.js'
import type { Term, VoterId } from '../../raft/types.js'
import type { SimulatedReplica } from './replica.js'
import { rule } from './violation.js'

type Words = Omit<Goodbye, 'to'>

/** Who speaks for whom: at most one replica for each id at any time, and each by the will of the one before. */
export class Voices {
  readonly #goodbyes = new Map<VoterId, Words>()
  /** Who has the id, if not its owner: durably, or by the word that it said when it ended. */
  readonly #holders = new Map<VoterId, VoterId>()
  readonly #fences = new Map<VoterId, Term>()

  /** How many ids have found somebody who speaks for them. */
  get adopted(): number {
    return this.#holders.size
  }

  get anyHasEnded(): boolean {
    return this.#goodbyes.size > 0
  }

  /** @param needed what others may have counted on */
  ended({ hosted, disk }: SimulatedReplica, goodbye: Words, needed: Words['floor']): void {
    const { from, ids, term, floor } = goodbye
    rule(
      floor.term > needed.term || (floor.term === needed.term && floor.index >= needed.index),
      () => `${from} leaves its vote from ${floor.term}/${floor.index}, but had ${needed.term}/${needed.index}`,
    )
    rule(
      hosted.every(({ id }) => ids.includes(id)),
      () => `${from} leaves ${ids}, and keeps something back`,
    )
    rule(term >= disk.hardState.term, () => `${from} leaves its vote from term ${term}`)
    for (const id of ids) {
      this.#takes(from, id)
      this.#fences.set(id, term)
    }
    this.#goodbyes.set(from, goodbye)
  }

  /** What is on the disk now. */
  synced({ id, hosted, disk }: SimulatedReplica): void {
    const { term } = disk.hardState
    for (const adopted of hosted) {
      this.#takes(id, adopted.id)
      const fence = this.#fences.get(adopted.id) ?? 0
      rule(term >= fence, () => `${id} in term ${term} adopts ${adopted.id}, which was in ${fence}`)
    }
  }

  #takes(who: VoterId, id: VoterId): void {
    const holder = this.#holders.get(id) ?? id
    if (holder === who) return
    const words = this.#goodbyes.get(holder)
    rule(words !== undefined, () => `${who} adopts ${id}, while ${holder} speaks for it`)
    rule(words.heirs.includes(who), () => `${who} adopts ${id}, though it is no heir of ${holder}`)
    this.#holders.set(id, who)
  }

  /** Who speaks for `id` now, if its owner has ended and somebody does. */
  speakerOf(id: VoterId): VoterId | undefined {
    const holder = this.#holders.get(id)
    return holder === undefined || this.#goodbyes.has(holder) ? undefined : holder
  }

  hasEnded(id: VoterId): boolean {
    return this.#goodbyes.has(id)
  }

  /** `who` may say something for `id`. */
  checkVoice({ id: who, hosted }: SimulatedReplica, id: VoterId): void {
    rule(
      hosted.some((adopted) => adopted.id === id),
      () => `${who} speaks for ${id}, which is not durable`,
    )
  }

  /** Below the fence, the id may have voted otherwise. */
  isAboveFence(id: VoterId, term: Term): boolean {
    return term > (this.#fences.get(id) ?? 0)
  }
}
