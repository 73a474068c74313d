/** More moments are not kept: ages become coarser, by about two parts in so many. */
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
    this.#moments = wanted.length > MOMENTS_MAX ? withoutDensest(wanted) : wanted
  }

  /** For how long a member whose log ends with `match` has lacked a committed entry, in milliseconds. */
  ageAfter(match: number, nowMs: number): number {
    const missed = this.#moments.find(({ commit }) => commit > match)
    return missed === undefined ? 0 : nowMs - missed.atMs
  }
}

/** Without the one whose neighbours are the closest in time, so that those that stay are spread evenly. */
function withoutDensest(moments: readonly Moment[]): readonly Moment[] {
  const gapAround = (i: number) => (moments[i + 1]?.atMs ?? Number.POSITIVE_INFINITY) - (moments[i - 1]?.atMs ?? 0)
  let densest = 1
  for (let i = 2; i < moments.length - 1; i++) if (gapAround(i) < gapAround(densest)) densest = i
  return moments.filter((_, i) => i !== densest)
}
