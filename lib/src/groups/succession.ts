import type { Message, VoterId } from '../raft/index.js'
import type { Replica } from './replica.js'

type Goodbye = Message & { readonly type: 'goodbye' }

const HOLD_BACK_MS = 300

/** Who leads after a leader that said goodbye: its first heir at once, the others hold back for a while. */
export class Succession {
  #goodbye: Goodbye | undefined

  heard(goodbye: Goodbye, { soft }: Replica): void {
    if (soft.lead === goodbye.from) this.#goodbye = goodbye
  }

  /** For how long not to start an election, after the link to a leader closed. */
  holdBackMs(self: VoterId): number {
    const [first] = this.#goodbye?.heirs ?? []
    return first === undefined || first === self ? 0 : HOLD_BACK_MS
  }

  /** True once: this replica is the first heir, and speaks for the leader that is gone. */
  isDue({ id, voices, soft }: Replica): boolean {
    const goodbye = this.#goodbye
    if (soft.lead !== undefined && soft.lead !== goodbye?.from) this.#goodbye = undefined
    if (goodbye === undefined || goodbye.heirs[0] !== id || !voices.includes(goodbye.from)) return false
    this.#goodbye = undefined
    return true
  }
}
