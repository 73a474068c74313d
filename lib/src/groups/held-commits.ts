import type { Runtime, Timer } from '../base/runtime.js'
import type { Index } from '../raft/index.js'
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

  /** To be called after each run of a replica. */
  ran(host: ReplicaHost): void {
    const index = host.replica?.heldCommit
    if (index === undefined || this.#held.has(host)) return
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
