import type { Stay } from './backplane.js'
import { Founding, type FoundingOptions } from './founding.js'
import type { Bye, ServerMessage } from './protocol.js'

/** The peers of one cluster that are connected now, and what is known of its founding. */
export class Room {
  readonly id: string
  readonly founding: Founding
  readonly #stays = new Map<string, Stay>()

  constructor(id: string, founding: Omit<FoundingOptions, 'isEmpty'>) {
    this.id = id
    this.founding = new Founding({ ...founding, isEmpty: () => this.size === 0 })
  }

  get size(): number {
    return this.#stays.size
  }

  /** Nobody here and nothing to remember. */
  get isForgettable(): boolean {
    return this.size === 0 && this.founding.clusterId === undefined
  }

  stayOf(peer: string): Stay | undefined {
    return this.#stays.get(peer)
  }

  peersBeside(stay: Stay): string[] {
    return [...this.#stays.keys()].filter((peer) => peer !== stay.peer)
  }

  /** Returns the stay whose place this one takes, if the peer was here already. */
  enter(stay: Stay): Stay | undefined {
    const predecessor = this.#stays.get(stay.peer)
    this.#stays.delete(stay.peer)
    this.#tell({ type: 'peer-joined', peer: stay.peer })
    this.#stays.set(stay.peer, stay)
    if (stay.clusterId !== undefined) this.founding.claim(stay, stay.clusterId)
    if (predecessor !== undefined) this.founding.left(predecessor)
    return predecessor
  }

  /** @param bye it said so, and is not to be waited for */
  leave(stay: Stay, bye: Bye | undefined): void {
    this.#stays.delete(stay.peer)
    this.#tell({ type: 'peer-left', peer: stay.peer })
    if (bye === undefined) this.founding.left(stay)
    else this.founding.ended(stay, bye.rest)
  }

  #tell(message: ServerMessage): void {
    for (const stay of this.#stays.values()) stay.tell(message)
  }
}
