import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { DigestReport, Diverged, RosterMessage } from './announce.js'
import type { Digest } from './checkpoint.js'
import { DigestComparison } from './digest-comparison.js'
import type { Replica } from './replica.js'
import { peerOf } from './voter-id.js'

export interface DivergenceGuardOptions {
  self(): PeerId
  replica(): Replica | undefined
  tell(peer: PeerId, message: RosterMessage): void
  /** The replica here is the one that differs: it has to stop. */
  diverged(error: LegionError): void
}

/** The guard of determinism in one group: replicas report their digests to the leader, which compares them. */
export class DivergenceGuard {
  readonly #options: DivergenceGuardOptions
  readonly #digests = new DigestComparison()

  constructor(options: DivergenceGuardOptions) {
    this.#options = options
  }

  checkpointed({ index, hash }: Digest): void {
    const { self, replica, tell } = this.#options
    const lead = replica()?.soft.lead
    if (replica()?.isLeader) this.#compare(self(), { index, hash })
    else if (lead !== undefined) tell(peerOf(lead), { kind: 'digest', index, hash })
  }

  told(from: PeerId, message: DigestReport | Diverged): void {
    if (message.kind === 'digest') this.#reported(from, message)
    else this.#accused(from, message.index)
  }

  #reported(from: PeerId, report: DigestReport): void {
    const replica = this.#options.replica()
    if (replica?.isLeader && replica.state.roster.has(from)) this.#compare(from, report)
  }

  #accused(from: PeerId, index: number): void {
    const lead = this.#options.replica()?.soft.lead
    if (lead !== undefined && peerOf(lead) === from) this.#options.diverged(divergence(index))
  }

  #compare(peer: PeerId, { index, hash }: Omit<Digest, 'bytes'>): void {
    const { self, replica, tell, diverged } = this.#options
    const members = replica()?.state.roster.members.size ?? 0
    this.#digests.report(peer, index, hash)
    for (const odd of this.#digests.diverged(index, self(), members)) {
      if (odd === self()) diverged(divergence(index))
      else tell(odd, { kind: 'diverged', index })
    }
  }
}

function divergence(index: number): LegionError {
  const problem =
    `The state here differs from what most other replicas have at entry ${index}: ` +
    'a command is not deterministic, or the state was changed from outside. This replica stopped.'
  return new LegionError('E_DIVERGED', problem)
}
