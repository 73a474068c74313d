import type { Runtime, Timer } from '../base/runtime.js'
import type { MachineDefinition } from '../machines/machine.js'
import type { Network } from '../mesh/network.js'
import type { Message, SoftState, VoterId } from '../raft/index.js'
import { ElectionTrigger } from './election-trigger.js'
import { betterLeaders, heirsOf, transferToBest } from './heirs.js'
import type { Membership } from './membership.js'
import type { Replica } from './replica.js'
import type { Outlet } from './replica-host-types.js'
import { Succession } from './succession.js'

export interface LeadershipOptions {
  readonly group: number
  readonly definition: MachineDefinition
  readonly runtime: Runtime
  readonly network: Network
  readonly membership: Membership
  readonly out: Outlet
  readonly replica: () => Replica | undefined
}

/** Whoever switches to another tab of the same program does so within this time. */
const HIDDEN_AFTER_MS = 300

/** A candidate whose term is under way is left alone for so many attempts. */
const PATIENCE = 2

/** When this peer's replica of a group starts an election without waiting for the timeout, and when it hands over. */
export class Leadership {
  readonly #options: LeadershipOptions
  readonly #elections: ElectionTrigger
  readonly #succession = new Succession()
  #visible = true
  /** Runs while a page that was just hidden may be back in a moment. */
  #hiding: Timer | undefined
  /** Attempts to start an election that were left out because one was under way. */
  #heldBack = 0

  constructor(options: LeadershipOptions) {
    this.#options = options
    this.#elections = new ElectionTrigger(options.runtime, () => this.#campaign())
  }

  get isVisible(): boolean {
    return this.#visible
  }

  /** A page that leads hands over if it is still hidden after a moment. */
  setVisible(visible: boolean): void {
    this.#visible = visible
    this.#hiding?.cancel()
    this.#hiding = undefined
    if (!visible) this.#hiding = this.#options.runtime.setTimer(HIDDEN_AFTER_MS, () => this.#hidden())
  }

  leadChanged({ lead }: SoftState): void {
    if (lead !== undefined) this.#elections.leaderKnown()
    else if (this.#options.replica()?.isMember) this.#elections.leaderUnknown()
  }

  /** The link to the leader closed. */
  leaderLost(replica: Replica, lead: VoterId): void {
    replica.wake()
    replica.reportUnreachable(lead)
    this.#elections.leaderLost(this.#options.out.groups, this.#succession.holdBackMs(replica.id))
  }

  heardGoodbye(goodbye: Message & { readonly type: 'goodbye' }, replica: Replica): void {
    this.#succession.heard(goodbye, replica)
  }

  /** Leads at once as the first heir of a leader that is gone, or if nobody else can. */
  succeed(replica: Replica): void {
    const { role, lead } = replica.soft
    const transfer = this.#succession.isDue(replica)
    const isUp = role === 'follower' && lead === undefined && replica.isMajority
    if (!transfer && !isUp) return
    replica.campaign({ transfer })
    replica.run()
  }

  /** This peer slept: somebody else may lead by now. A leader answers nothing as one before it is elected again. */
  woke(): void {
    const replica = this.#options.replica()
    if (!replica?.isLeader) return
    replica.stepDown()
    if (!replica.isMajority) this.#elections.leaderLost(this.#options.out.groups, 0)
    this.#options.out.schedule()
  }

  /** Lets another voter lead, if this one does and there is one. */
  handOver(): void {
    const replica = this.#options.replica()
    if (replica?.isLeader) transferToBest(replica, heirsOf(replica, this.#options.network))
    this.#options.out.schedule()
  }

  /** Lets another voter lead that should rather do it, if there is one. */
  handOverToBetter(replica: Replica): void {
    const { group, definition, network, membership } = this.#options
    const heirs = heirsOf(replica, network)
    const isVisible = this.#visible || this.#hiding !== undefined
    transferToBest(replica, betterLeaders(replica, { group, definition, heirs, membership, isVisible }))
  }

  stop(): void {
    this.#hiding?.cancel()
    this.#elections.leaderKnown()
  }

  #hidden(): void {
    this.#hiding = undefined
    const replica = this.#options.replica()
    if (replica?.isLeader) this.handOverToBetter(replica)
    this.#options.out.schedule()
  }

  #campaign(): void {
    const replica = this.#options.replica()
    if (replica === undefined || replica.soft.lead !== undefined) return
    const isUnderWay = replica.soft.role === 'candidate' && this.#heldBack < PATIENCE
    this.#heldBack = isUnderWay ? this.#heldBack + 1 : 0
    if (!isUnderWay) replica.campaign()
    this.#options.out.schedule()
  }
}
