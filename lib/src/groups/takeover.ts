import type { ClusterId, PeerId } from '../base/ids.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { HEIRS_MAX, type VoterId } from '../raft/index.js'
import type { Siblings } from '../storage/cluster-stores.js'
import type { Store } from '../storage/storage.js'
import { writeGift } from './gift.js'
import { missingEntries, type Orphan, readOrphan } from './orphan.js'
import type { Replica } from './replica.js'
import type { ReplicaHost } from './replica-host.js'

export interface TakeoverOptions {
  readonly siblings: Siblings
  readonly runtime: Runtime
  readonly clusterId: ClusterId
  /** This peer's groups, `main` first. */
  hosts(): Iterable<ReplicaHost>
  /** Whose store it is; undefined: nobody's. Rejects if it is damaged. */
  ownerOf(store: Store): Promise<PeerId | undefined>
  /** The peer's process has ended: nobody has its store open. */
  ended(peer: PeerId): void
  /** A store could not be taken over; the others can. */
  failed(error: unknown): void
}

/** Tabs that come back together, as after a restart of the browser, first take their own stores. */
const START_AFTER_MS = 1000
/** What can't be taken over yet, because this replica lacks something, is tried again. */
const AGAIN_AFTER_MS = 500

/**
 * Takes over the votes of this host's tabs that ended, crashed ones too, from their stores. Who has a store open
 * exclusively knows that its owner has ended, and reads there what it promised. In this order:
 *
 * 1. The replica here gets to where the other one was. 2. A gift is written into the other's store, durably: that
 * incarnation never acts again. 3. The core adopts it, durably. 4. The other's log is removed.
 *
 * Nobody waits for 3 with the store open: it may take until an earlier heir's store was visited, perhaps for ever, and
 * meanwhile no tab could visit or choose any store.
 *
 * Whatever crashes in between, no two ever speak for it: before 2 only its owner can, afterwards only who is named.
 */
export class Takeover {
  readonly #options: TakeoverOptions
  /** Stores that are waited for or being visited, and what ends the waiting. */
  readonly #watched = new Map<string, () => void>()
  /** What was given to the core and is not adopted yet, by the store it is from. */
  readonly #given = new Map<string, Given[]>()
  readonly #start: Timer
  #isStarted = false
  #isStopped = false

  constructor(options: TakeoverOptions) {
    this.#options = options
    this.#start = options.runtime.setTimer(START_AFTER_MS, () => {
      this.#isStarted = true
      this.look()
    })
  }

  /** To be called when stores may have appeared, or when there may be something to take from one that was done with. */
  look(): void {
    if (!this.#isStarted || this.#isStopped) return
    this.#options.siblings.list().then(
      (names) => {
        for (const name of names) if (!this.#watched.has(name)) this.#watch(name)
      },
      (error: unknown) => this.#options.failed(error),
    )
  }

  /** To be called after replicas ran: what they adopted is removed from the stores. */
  ran(): void {
    for (const [name, given] of this.#given) {
      const isAdopted = given.some(({ replica, id }) => replica.voices.includes(id))
      if (isAdopted && !this.#watched.has(name)) this.#watch(name)
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#start.cancel()
    for (const cancel of this.#watched.values()) cancel()
  }

  #watch(name: string): void {
    if (this.#isStopped) return
    this.#given.delete(name)
    this.#watched.set(
      name,
      this.#options.siblings.whenFree(name, () => void this.#visit(name)),
    )
  }

  async #visit(name: string): Promise<void> {
    const { siblings, runtime, failed } = this.#options
    try {
      const isDone = await siblings.visit(name, (store) => this.#takeAll(name, store))
      if (isDone) this.#visited(name)
      else if (isDone === undefined) this.#watch(name)
      else runtime.setTimer(AGAIN_AFTER_MS, () => this.#watch(name))
    } catch (error) {
      // It stays watched: what is damaged is not tried again.
      if (!this.#isStopped) failed(error)
    }
  }

  #visited(name: string): void {
    this.#watched.delete(name)
    this.ran()
  }

  /** @returns false if something is left to be taken later */
  async #takeAll(name: string, store: Store): Promise<boolean> {
    const owner = await this.#options.ownerOf(store)
    if (owner === undefined) return true
    this.#options.ended(owner)
    let isDone = true
    for (const host of this.#options.hosts()) {
      const orphan = await readOrphan(store, owner, host.group, this.#options.clusterId)
      if (orphan !== undefined && !(await this.#take(orphan, host, name, store))) isDone = false
    }
    return isDone
  }

  /** @returns false if it has to be tried again */
  async #take(orphan: Orphan, host: ReplicaHost, name: string, store: Store): Promise<boolean> {
    const { replica } = host
    if (this.#isStopped || host.isStopped) return true
    if (replica === undefined) return false
    if (!replica.voices.includes(orphan.id)) {
      if (!isWanted(orphan, replica)) return true
      if (!reaches(orphan, replica)) bring(orphan, host, replica)
      if (!reaches(orphan, replica)) return false
      await this.#give(orphan, host, replica, name, store)
    }
    // If somebody it was given to before may have it, it stays as crashed as it is.
    if (replica.voices.includes(orphan.id)) await orphan.log?.remove()
    return true
  }

  async #give({ gift }: Orphan, host: ReplicaHost, replica: Replica, name: string, store: Store): Promise<void> {
    const heirs = gift.heirs.includes(replica.id) ? gift.heirs : [...gift.heirs, replica.id]
    const given = { ...gift, to: replica.id, heirs }
    if (heirs !== gift.heirs) await writeGift(store, host.group, given)
    if (this.#isStopped || host.replica !== replica) return
    this.#given.set(name, [...(this.#given.get(name) ?? []), { replica, id: gift.from }])
    host.hearLastWords(given)
  }
}

interface Given {
  readonly replica: Replica
  readonly id: VoterId
}

/** It is, or speaks for, a voter. A learner comes back as it was; nobody needs its vote. */
function isWanted({ gift }: Orphan, { configuration, state }: Replica): boolean {
  const { voters, votersOutgoing } = configuration
  const isVoter = gift.ids.some((id) => voters.includes(id) || votersOutgoing.includes(id))
  return isVoter && !state.roster.isRetired(gift.from) && gift.heirs.length < HEIRS_MAX
}

/** Compared as in votes. */
function reaches({ gift: { floor } }: Orphan, { last }: Replica): boolean {
  return last.term > floor.term || (last.term === floor.term && last.index >= floor.index)
}

/** A leader that is there brings them itself. */
function bring(orphan: Orphan, host: ReplicaHost, replica: Replica): void {
  const { lead } = replica.soft
  if (lead !== undefined && lead !== orphan.id) return
  const entries = missingEntries(orphan, replica.committed)
  if (entries !== undefined) host.hearLastWords({ ...entries, to: replica.id })
}
