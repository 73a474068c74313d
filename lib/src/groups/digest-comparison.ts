import type { PeerId } from '../base/ids.js'

const CHECKPOINTS_MAX = 4

/**
 * The guard of determinism: the leader compares what the replicas' states came to at a checkpoint. Whoever differs from
 * most members has to stop; with no majority for anything, the leader is right.
 */
export class DigestComparison {
  readonly #reports = new Map<number, Map<PeerId, string>>()

  report(peer: PeerId, index: number, hash: string): void {
    const reports = this.#reports.get(index) ?? new Map<PeerId, string>()
    this.#reports.set(index, reports.set(peer, hash))
    const oldest = Math.min(...this.#reports.keys())
    if (this.#reports.size > CHECKPOINTS_MAX) this.#reports.delete(oldest)
  }

  /**
   * Who differs at this checkpoint, as far as that is certain now.
   * @param members how many replicas there are
   */
  diverged(index: number, leader: PeerId, members: number): PeerId[] {
    const reports = this.#reports.get(index) ?? new Map<PeerId, string>()
    const right = rightHash([...reports.values()], reports.get(leader), members)
    if (right === undefined) return []
    return [...reports].filter(([, hash]) => hash !== right).map(([peer]) => peer)
  }
}

function rightHash(hashes: readonly string[], leaders: string | undefined, members: number): string | undefined {
  const majority = hashes.find((hash) => hashes.filter((other) => other === hash).length > members / 2)
  return majority ?? (hashes.length >= members ? leaders : undefined)
}
