import type { Runtime } from '../base/runtime.js'
import type { MachineDefinition } from '../machines/machine.js'
import type { Network } from '../mesh/network.js'
import type { Status } from '../raft/index.js'
import type { AutopilotRules } from './autopilot.js'
import { encodeActivate, encodeCheckpoint } from './entry.js'
import { MAIN } from './group-registry.js'
import { copiesOf } from './group-status.js'
import { heirsOf } from './heirs.js'
import type { Leadership } from './leadership.js'
import type { Membership } from './membership.js'
import type { Presence } from './presence.js'
import type { Replica } from './replica.js'
import type { ReplicaHostEvents } from './replica-host-types.js'

export interface LeaderDutiesOptions {
  /** Its number; 0 is `main`. */
  readonly group: number
  readonly network: Network
  readonly runtime: Runtime
  readonly definition: MachineDefinition
  readonly rules: AutopilotRules
  readonly events: ReplicaHostEvents
  readonly membership: Membership
  readonly leadership: Leadership
  readonly presence: Presence
}

/** How often to look after a group other than `main` whose members stay the same: there may be thousands. */
const LOOK_TICKS = 5
/** After one change of the members the next may be due in a moment: who has caught up shall vote. */
const UNSETTLED_TICKS = 20
const BALANCE_TICKS = 20
const INQUIRE_TICKS = 10

/** What only a leader does, for all: checkpoints, versions, the roster, making room for a better leader. */
export class LeaderDuties {
  readonly #options: LeaderDutiesOptions
  #copies = 0
  #isRosterStale = true
  #ticks = 0
  #lookedAtTick = Number.NEGATIVE_INFINITY
  #settledAtTick = UNSETTLED_TICKS
  #balancedAtTick = 0
  #inquiredAtTick = 0

  constructor(options: LeaderDutiesOptions) {
    this.#options = options
  }

  /** Processes that have all that is agreed, as told last. */
  get copies(): number {
    return this.#copies
  }

  /** Something happened, if only that time went by, after which a leader may want another configuration. */
  get isRosterStale(): boolean {
    return this.#isRosterStale
  }

  noteNews(): void {
    this.#isRosterStale = true
  }

  /** A group other than `main` whose members stay the same. */
  isSettled(ticks: number): boolean {
    return ticks >= this.#settledAtTick && this.#options.group !== MAIN
  }

  /** What a leader looks after as time goes by. */
  tick(replica: Replica, ticks: number): void {
    this.#ticks = ticks
    if (replica.isCheckpointDue) this.#propose(replica, encodeCheckpoint())
    if (!this.isSettled(ticks) || ticks >= this.#lookedAtTick + LOOK_TICKS) this.#look(replica, ticks)
  }

  /** After each run: a leader proposes the next change of the roster, if one may be due. */
  tendRoster(replica: Replica, isLeaving: boolean): void {
    if (replica.isLeader && this.#isRosterStale) this.#changeRoster(replica, isLeaving)
    this.#isRosterStale = false
  }

  #changeRoster(replica: Replica, isLeaving: boolean): void {
    const { runtime, rules, network, membership, leadership, presence } = this.#options
    const { roster } = replica.state
    const { id: self } = network.self
    const isGoing = isLeaving || presence.isWorn || roster.isEjected(self)
    const isLast = roster.members.size === 1 // whoever is about to join is made a member first
    if (isGoing && (isLast || heirsOf(replica, network).length > 0)) leadership.handOver()
    else if (isLeaving || roster.isEjected(self)) membership.leaving(self)
    else if (isGoing) membership.renewing(replica.id)
    const status = replica.status()
    this.#noteCopies(status)
    const change = membership.nextChange(presence.member(), roster, status, rules, runtime.nowMs())
    if (change === undefined || replica.proposeConfigChange(change).kind !== 'appended') return
    this.#settledAtTick = this.#ticks + UNSETTLED_TICKS
    replica.run()
  }

  #look(replica: Replica, ticks: number): void {
    const { membership, presence, leadership, definition } = this.#options
    this.#lookedAtTick = ticks
    this.noteNews()
    // One that was removed while its link was away, and came back before that was committed, has heard nothing of it.
    for (const [peer, { member }] of membership.announces) presence.tellIfRetired(peer, member.id)
    if (ticks >= this.#inquiredAtTick + INQUIRE_TICKS) {
      this.#inquiredAtTick = ticks
      presence.inquire()
    }
    const version = membership.versionToActivate(replica, definition.version)
    if (version > replica.state.version) this.#propose(replica, encodeActivate(version))
    if (replica.state.outdated !== undefined || ticks >= this.#balancedAtTick + BALANCE_TICKS) {
      this.#balancedAtTick = ticks
      leadership.handOverToBetter(replica)
    }
  }

  #propose(replica: Replica, entry: Uint8Array): void {
    replica.propose([entry])
    this.noteNews()
  }

  #noteCopies({ progress, id }: Status): void {
    const copies = Math.min(this.#options.rules.copies, copiesOf(progress, id))
    if (copies !== this.#copies) this.#options.events.copies(copies)
    this.#copies = copies
  }
}
