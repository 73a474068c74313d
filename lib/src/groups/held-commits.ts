import type { Runtime, Timer } from '../base/runtime.js'
import type { Index } from '../raft/index.js'
import type { Replica } from './replica.js'
import type { ReplicaHost } from './replica-host.js'

/**
 * A leader tells a new commit index to members that do not wait for it with whatever comes next (see `holdCommits` in
 * `raft/options.ts`); if nothing comes, then after a moment, for all groups of this peer at the same time.
 */
export class HeldCommits {
  readonly #runtime: Runtime
  /** What everybody is told when the time is up; what is committed until then waits once more. */
  readonly #held = new Map<ReplicaHost, Index>()
  readonly #holdMs: () => number
  #timer: Timer | undefined

  constructor(runtime: Runtime, holdMs: () => number) {
    this.#runtime = runtime
    this.#holdMs = holdMs
  }

  /**
   * To be called after each run of a replica.
   * @param isCrowded so many groups are busy that to come back to one costs more than the news: who lacks it is told at
   *   once, as a rule nobody (see `raft/pledge.ts`)
   */
  ran(host: ReplicaHost, isCrowded: boolean): void {
    const { replica } = host
    const index = replica?.heldCommit
    if (replica === undefined || index === undefined || this.#held.has(host)) return
    if (isCrowded) {
      tellNow(host, replica, index)
      return
    }
    this.#held.set(host, index)
    this.#timer ??= this.#runtime.setTimer(this.#holdMs(), () => this.#release())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #release(): void {
    this.#timer = undefined
    const held = [...this.#held]
    this.#held.clear()
    for (const [host, index] of held) {
      host.replica?.releaseCommit(index)
      host.schedule()
    }
  }
}

function tellNow(host: ReplicaHost, replica: Replica, index: Index): void {
  try {
    replica.releaseCommit(index)
    replica.run()
  } catch (error) {
    host.fail(error)
  }
}
