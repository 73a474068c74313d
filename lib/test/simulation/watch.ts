import type { Group } from '../../src/groups/group.js'
import type { GroupStatus } from '../../src/groups/group-types.js'
import { peerOf } from '../../src/groups/voter-id.js'
import type { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import type { Fleet, GroupName, Place } from './fleet.js'
import type { Ledger } from './ledger.js'
import type { StormCounts } from './storm-counts.js'
import type { Users } from './users.js'

/** With a quorum that is there, and nothing that disturbs it, a command commits within this. */
const STUCK_AFTER_MS = 30_000

/** Looks all the time for what may never be: two leaders in a term, a cluster that is stuck though it need not be. */
export class Watch {
  readonly #clock: SimulatedClock
  readonly #fleet: Fleet
  readonly #users: Users
  readonly #counts: StormCounts
  readonly #leaders = new Map<string, string>()
  readonly #voices = new Set<string>()
  #problem: string | undefined
  #acknowledged = 0
  #progressedAtMs = 0

  constructor(clock: SimulatedClock, fleet: Fleet, users: Users, counts: StormCounts) {
    this.#clock = clock
    this.#fleet = fleet
    this.#users = users
    this.#counts = counts
  }

  /** A peer has the group. */
  opened(name: GroupName, group: Group<Ledger>): void {
    group.on('leader', () => this.#noteLeader(name, group.status()))
  }

  /** An election may be needed, from now on. */
  disturbed(): void {
    this.#progressedAtMs = this.#clock.nowMs
  }

  /** Nothing has been acknowledged for a while: somebody should try. */
  get isImpatient(): boolean {
    return this.#clock.nowMs - this.#progressedAtMs >= STUCK_AFTER_MS / 2
  }

  /**
   * @param mustProgress a quorum is there, and can be reached
   * @throws Error if something is wrong
   */
  check(mustProgress: boolean): void {
    for (const place of this.#fleet.up) this.#look(place)
    const { acknowledged } = this.#users
    if (acknowledged > this.#acknowledged || !mustProgress) this.#progressedAtMs = this.#clock.nowMs
    this.#acknowledged = acknowledged
    if (this.#problem !== undefined) throw new Error(this.#problem)
    const stuckMs = this.#clock.nowMs - this.#progressedAtMs
    if (stuckMs > STUCK_AFTER_MS) throw new Error(`stuck for ${stuckMs} ms though a quorum is there`)
  }

  #look({ peer }: Place): void {
    for (const name of this.#fleet.groups) {
      const status = this.#fleet.groupOf(peer, name)?.status()
      if (status === undefined) continue
      this.#noteLeader(name, status)
      this.#noteVoices(name, status)
    }
  }

  #noteLeader(name: GroupName, status: GroupStatus | undefined): void {
    if (status?.role !== 'leader') return
    const { epoch, term: number, id } = status
    const term = `${name} epoch ${epoch} term ${number}`
    const other = this.#leaders.get(term) ?? id
    if (other !== id) this.#problem = `two leaders in ${term}: ${other} and ${id}`
    this.#leaders.set(term, id)
  }

  #noteVoices(name: GroupName, { id: self, voices }: GroupStatus): void {
    for (const id of voices) {
      const pair = `${name} ${self} ${id}`
      if (!this.#voices.has(pair)) this.#counts[this.#fleet.isKept(peerOf(id)) ? 'takeovers' : 'adoptions']++
      this.#voices.add(pair)
    }
  }
}
