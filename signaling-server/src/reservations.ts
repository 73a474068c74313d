import type { Clock } from './clock.js'
import type { Limits } from './limits.js'

export interface ReservationsOptions {
  readonly clock: Clock
  readonly limits: Pick<Limits, 'reservationMs' | 'reservations'>
}

interface Reservation {
  readonly token: string
  readonly endsMs: number
}

/** PeerIds whose sockets closed a short while ago, each kept for who shows its token. */
export class Reservations {
  readonly #options: ReservationsOptions
  /** The oldest first, which is also the order in which they end. */
  readonly #kept = new Map<string, Reservation>()

  constructor(options: ReservationsOptions) {
    this.#options = options
  }

  get size(): number {
    this.#forgetEnded()
    return this.#kept.size
  }

  keep(room: string, peer: string, token: string): void {
    const { clock, limits } = this.#options
    this.#kept.delete(keyOf(room, peer))
    this.#kept.set(keyOf(room, peer), { token, endsMs: clock.nowMs() + limits.reservationMs })
    this.#forgetEnded()
  }

  /** Whose the PeerId is now; undefined: anybody's. */
  tokenOf(room: string, peer: string): string | undefined {
    this.#forgetEnded()
    return this.#kept.get(keyOf(room, peer))?.token
  }

  /** Its owner is back. */
  release(room: string, peer: string): void {
    this.#kept.delete(keyOf(room, peer))
  }

  #forgetEnded(): void {
    const { clock, limits } = this.#options
    for (const [key, { endsMs }] of this.#kept) {
      if (this.#kept.size <= limits.reservations && endsMs > clock.nowMs()) return
      this.#kept.delete(key)
    }
  }
}

/** Both are of fixed length, so no two pairs have the same key. */
function keyOf(room: string, peer: string): string {
  return room + peer
}
