import type { Message } from '../../raft/messages.js'
import type { VoterId } from '../../raft/types.js'

/** Most messages on the way from one replica to another; the oldest get lost. */
const CAPACITY = 200

/** The messages on their way, from each replica to each other. Nothing moves by itself. */
export class Links {
  readonly #numbers = new Map<VoterId, number>()
  /** By the numbers of sender and receiver; oldest first. */
  readonly #links: Message[][]
  readonly #cut = new Set<readonly Message[]>()

  constructor(ids: readonly VoterId[]) {
    for (const id of ids) this.#numbers.set(id, this.#numbers.size)
    this.#links = Array.from({ length: ids.length ** 2 }, () => [])
  }

  between(from: VoterId, to: VoterId): Message[] {
    const number = this.#numberOf(from) * this.#numbers.size + this.#numberOf(to)
    return this.#links[number] as Message[]
  }

  /** @returns false if it is lost at once */
  send(message: Message): boolean {
    if (!this.#numbers.has(message.to)) return false
    const link = this.between(message.from, message.to)
    if (this.#cut.has(link)) return false
    if (link.length >= CAPACITY) link.shift()
    link.push(message)
    return true
  }

  take(from: VoterId, to: VoterId, nth: number): Message | undefined {
    const link = this.between(from, to)
    return nth === 0 ? link.shift() : link.splice(nth, 1)[0]
  }

  cut(from: VoterId, to: VoterId): void {
    this.#cut.add(this.between(from, to))
  }

  mend(from: VoterId, to: VoterId): void {
    this.#cut.delete(this.between(from, to))
  }

  isCut(from: VoterId, to: VoterId): boolean {
    return this.#cut.has(this.between(from, to))
  }

  #numberOf(id: VoterId): number {
    return this.#numbers.get(id) ?? 0
  }
}
