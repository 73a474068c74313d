import { emptyState } from '../../raft/options.js'
import type { HardState, Snapshot, VoterId } from '../../raft/types.js'
import { snapshotOf } from './ledger.js'
import type { CoreOptions } from './replica.js'

/** What a simulated cluster starts from. Plain data. Replicas have names of one letter. */
export interface Setup {
  /** Decides the election timeouts. */
  readonly seed: number
  readonly voters: string
  readonly learners: string
  /** They vote, too. */
  readonly witnesses: string
  /** Replicas that know nothing and may be added. */
  readonly spares: string
  /** State machines store their state with every write. */
  readonly durableMachine: boolean
  readonly core: CoreOptions
}

const FOUNDED = { index: 1, term: 1, hash: 0 }
const NO_DATA = new Uint8Array(0)

/** What a replica has on its disk before its first start. */
export interface Beginning {
  readonly hardState: HardState
  readonly snapshot: Snapshot
}

export const fromNothing: Beginning = {
  hardState: emptyState.hardState,
  snapshot: { ...emptyState.snapshot, data: NO_DATA },
}

/** Like `foundingState`, with members of every kind. */
export function founding({ voters, learners, witnesses }: Setup): Beginning {
  const configuration = {
    ...emptyState.snapshot.configuration,
    voters: sorted(voters + witnesses),
    learners: sorted(learners),
    witnesses: sorted(witnesses),
  }
  return { hardState: { term: 1, vote: undefined, commit: 1 }, snapshot: snapshotOf(FOUNDED, configuration) }
}

function sorted(names: string): VoterId[] {
  return [...names].sort() as VoterId[]
}
