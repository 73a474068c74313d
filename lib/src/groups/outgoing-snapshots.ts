import type { Index, Snapshot, VoterId } from '../raft/index.js'
import type { SnapshotSource } from './snapshot-source.js'

interface Outgoing {
  /** Its data is an id: the content travels apart. */
  readonly snapshot: Snapshot
  readonly source: SnapshotSource
  /** Who fetches it. */
  readonly receivers: Set<VoterId>
}

/** A member that joins during a transfer needs a newer snapshot, which must not end that transfer; but memory does. */
const SNAPSHOTS_MAX = 2

/** The snapshots that members fetch from this replica. */
export class OutgoingSnapshots {
  /** Oldest first. */
  #all: Outgoing[] = []

  /** The newest one. */
  get latest(): Snapshot | undefined {
    return this.#all.at(-1)?.snapshot
  }

  add(snapshot: Snapshot, source: SnapshotSource): void {
    this.#keep(({ receivers }) => receivers.size > 0)
    this.#all.push({ snapshot, source, receivers: new Set() })
    const oldest = this.#all.at(-SNAPSHOTS_MAX)?.snapshot
    this.#keep(({ snapshot: { index } }) => oldest === undefined || index >= oldest.index)
  }

  /** The content of the snapshot, kept until `fetched`; undefined if it is not kept any more. */
  fetch(index: Index, to: VoterId): SnapshotSource | undefined {
    for (const { receivers } of this.#all) receivers.delete(to)
    const outgoing = this.#all.find(({ snapshot }) => snapshot.index === index)
    outgoing?.receivers.add(to)
    return outgoing?.source
  }

  /** The member has the one that it fetched, or won't get it. */
  fetched(by: VoterId): void {
    for (const { receivers } of this.#all) receivers.delete(by)
    this.#keep(({ receivers }) => receivers.size > 0)
  }

  release(): void {
    this.#keep(() => false)
  }

  #keep(isKept: (outgoing: Outgoing) => boolean): void {
    const all = this.#all
    this.#all = all.filter(isKept)
    for (const outgoing of all) if (!this.#all.includes(outgoing)) outgoing.source.release()
  }
}
