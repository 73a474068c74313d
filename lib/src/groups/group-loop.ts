import type { PeerId } from '../base/ids.js'
import type { Runtime } from '../base/runtime.js'
import type { GroupMessage } from './consensus-frames.js'
import { isOfEpoch } from './epoch.js'
import type { ReplicaHost } from './replica-host.js'
import { RunSoon } from './run-soon.js'

export interface GroupLoopOptions {
  readonly runtime: Runtime
  /** Timers fire when they are due; those of hidden pages fire once a second. */
  readonly isPrompt: () => boolean
  /** This group has run. */
  readonly ran: (host: ReplicaHost) => void
  /** All groups have run that had something to do: what they have to say may leave. @returns whom they said something */
  readonly finished: () => Iterable<PeerId>
}

/** When so many groups are busy, it counts more that all that was said to one is heard at once than when. */
const CROWD = 32

/** In a crowd of those that wait for something most hear of so many ticks at once: time goes by for them in steps. */
const STEP_TICKS = 5

/** For an answer a crowd waits as long as its turn took, but no longer than this. */
const WAIT_MAX_MS = 20

/**
 * The one loop of all groups of a peer. What happens to a group, and what others tell it, waits here until its turn: then
 * it hears all of it and runs once. What a group touches is in no cache any more when a thousand others had their turn
 * since, and this, not the work itself, is what a turn costs.
 */
export class GroupLoop {
  readonly #options: GroupLoopOptions
  readonly #soon: RunSoon
  /** Those that are to run, with what they have not heard yet. */
  #due = new Map<ReplicaHost, GroupMessage[]>()
  /** Those that wait for something, and so for time to go by. */
  readonly #awake = new Set<ReplicaHost>()
  #isCrowded = false
  #ticks = 0
  /** Those that a crowd told something in its last turn, and that have said nothing since. */
  #awaited = new Set<PeerId>()

  constructor(options: GroupLoopOptions) {
    this.#options = options
    this.#soon = new RunSoon(options.runtime, () => this.#run())
  }

  /** Many groups have something to do: none of them is waited for alone. */
  get isCrowded(): boolean {
    return this.#isCrowded
  }

  /** The group has something to do. */
  schedule(host: ReplicaHost): void {
    if (!this.#due.has(host)) this.#due.set(host, [])
    this.#soon.schedule()
  }

  /** Another peer said this to the group. */
  tell(host: ReplicaHost, message: GroupMessage): void {
    const unheard = this.#due.get(host)
    if (unheard === undefined) this.#due.set(host, [message])
    else unheard.push(message)
    this.#soon.schedule()
  }

  /** This peer has said all that it says for now. */
  heard(peer: PeerId): void {
    if (this.#awaited.delete(peer) && this.#awaited.size === 0) this.#soon.stopWaiting()
  }

  /** Has all groups hear what was told so far. To be called before what came later. */
  hearAll(): void {
    for (const [host, unheard] of this.#due) hear(host, unheard.splice(0))
  }

  /** A task has begun: nobody is being starved. */
  taskBegan(): void {
    this.#soon.taskBegan()
  }

  /** Time goes by for all that wait for something. */
  tick(ticks: number): void {
    const steps = Math.floor((this.#ticks + ticks) / STEP_TICKS) - Math.floor(this.#ticks / STEP_TICKS)
    this.#ticks += ticks
    const isCrowd = this.#awake.size > CROWD
    for (const host of this.#awake) {
      const passed = isCrowd && host.isPatient ? steps * STEP_TICKS : ticks
      if (passed > 0) this.#tick(host, passed)
    }
  }

  remove(host: ReplicaHost): void {
    this.#awake.delete(host)
    this.#due.delete(host)
  }

  /** @returns for how long the next turn may wait for what other peers say meanwhile, in milliseconds */
  #run(): number | undefined {
    const due = this.#due
    this.#due = new Map()
    this.#isCrowded = due.size > CROWD
    const startMs = this.#isCrowded ? this.#options.runtime.nowMs() : 0
    for (const [host, unheard] of due) {
      hear(host, unheard)
      this.#evaluate(host)
    }
    const told = this.#options.finished()
    if (!this.#isCrowded || !this.#options.isPrompt()) return undefined
    this.#awaited = new Set(told)
    return this.#awaited.size === 0 ? 0 : Math.min(this.#options.runtime.nowMs() - startMs, WAIT_MAX_MS)
  }

  #tick(host: ReplicaHost, ticks: number): void {
    hear(host, this.#due.get(host)?.splice(0) ?? NOTHING)
    host.tick(ticks)
    if (this.#due.delete(host)) this.#evaluate(host)
    else this.#noteIdle(host)
  }

  #evaluate(host: ReplicaHost): void {
    host.evaluate()
    this.#options.ran(host)
    this.#noteIdle(host)
  }

  #noteIdle(host: ReplicaHost): void {
    if (host.isIdle) this.#awake.delete(host)
    else this.#awake.add(host)
  }
}

const NOTHING: readonly GroupMessage[] = []

function hear(host: ReplicaHost, messages: readonly GroupMessage[]): void {
  for (const { epoch, message } of messages) if (isOfEpoch(host.epoch, epoch)) host.traffic.step(message)
}
