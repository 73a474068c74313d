/** More moments are not kept: then every second one is forgotten, and ages become coarser. */
const MOMENTS_MAX = 128

interface Moment {
  readonly commit: number
  readonly atMs: number
}

/**
 * When a leader saw its commit index reach what, as far back as some member lags behind: what tells for how long it
 * does. Looked at with every tick, so ages are true to a tick.
 */
export class CommitTimes {
  #term = 0
  /** Ascending. */
  #moments: readonly Moment[] = []

  /** @param everywhere all members have the entries up to this index */
  note(term: number, commit: number, everywhere: number, nowMs: number): void {
    const known = term === this.#term ? this.#moments : []
    const last = known.at(-1)?.commit ?? 0
    const wanted = [...known, ...(commit > last ? [{ commit, atMs: nowMs }] : [])].filter((m) => m.commit > everywhere)
    this.#term = term
    this.#moments = wanted.length > MOMENTS_MAX ? wanted.filter((_, i) => i % 2 === 0) : wanted
  }

  /** For how long a member whose log ends with `match` has lacked a committed entry, in milliseconds. */
  ageAfter(match: number, nowMs: number): number {
    const missed = this.#moments.find(({ commit }) => commit > match)
    return missed === undefined ? 0 : nowMs - missed.atMs
  }
}
