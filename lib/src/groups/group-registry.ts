import type { VoterId } from '../raft/index.js'

/** What the wire calls the group `main`. */
export const MAIN = 0

/** Groups besides `main` that a cluster may have. Part of the protocol: replicas with another limit would differ. */
export const GROUPS_MAX = 65_536

/** A group besides `main`, as the log of `main` created it. */
export interface GroupRecord {
  /** The index of the entry that created it: unique in the cluster, and what the wire calls it. */
  readonly number: number
  readonly name: string
  readonly machineName: string
  /** Copies wanted; 0: on every member that opens the group. */
  readonly replicas: number
  /** The replica of `main` whose peer founds the group. */
  readonly founder: VoterId
}

/** The groups of a cluster by name. Replicated in `main`: changed only by entries of its log. */
export class GroupRegistry {
  readonly #byName = new Map<string, GroupRecord>()

  get all(): ReadonlyMap<string, GroupRecord> {
    return this.#byName
  }

  get(name: string): GroupRecord | undefined {
    return this.#byName.get(name)
  }

  get isFull(): boolean {
    return this.#byName.size >= GROUPS_MAX
  }

  /** The first of a name wins. Without effect if there are too many. */
  create(record: GroupRecord): void {
    if (!this.isFull && !this.#byName.has(record.name)) this.#byName.set(record.name, record)
  }

  static restore(records: readonly GroupRecord[]): GroupRegistry {
    const registry = new GroupRegistry()
    for (const record of records) registry.create(record)
    return registry
  }
}
