import type { PeerId } from '../base/ids.js'

const LOSSES_MAX = 2
const REMEMBERED_MS = 60_000

/** Whose links broke how often lately: who comes and goes all the time is not made a voter. */
export class Steadiness {
  readonly #lostAtMs = new Map<PeerId, readonly number[]>()

  lost(peer: PeerId, nowMs: number): void {
    const before = this.#lostAtMs.get(peer) ?? []
    this.#lostAtMs.set(peer, [...before.slice(-LOSSES_MAX), nowMs])
  }

  isSteady(peer: PeerId, nowMs: number): boolean {
    const lostAtMs = this.#lostAtMs.get(peer) ?? []
    return lostAtMs.filter((lostMs) => lostMs > nowMs - REMEMBERED_MS).length <= LOSSES_MAX
  }

  get rememberedCount(): number {
    return this.#lostAtMs.size
  }

  /** Forgets what is long ago. */
  tidy(nowMs: number): void {
    for (const [peer, lostAtMs] of this.#lostAtMs) {
      if ((lostAtMs.at(-1) ?? 0) <= nowMs - REMEMBERED_MS) this.#lostAtMs.delete(peer)
    }
  }
}
