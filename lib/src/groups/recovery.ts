import { type Deferred, defer } from '../base/deferred.js'
import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import { randomInt } from '../base/random.js'
import type { Runtime } from '../base/runtime.js'
import type { Configuration, VoterId } from '../raft/index.js'
import type { Recovered, RecoverPlease, Recovery, RosterMessage, Survey, Survivor } from './announce.js'
import { comparePositions, EPOCH_ID_MAX, type Epoch, type EpochId } from './epoch.js'
import type { Replica } from './replica.js'
import { peerOf } from './voter-id.js'

export interface RecoveriesOptions {
  readonly runtime: Runtime
  /** What this replica answers to a survey; undefined: it has nothing to recover from. */
  self(): Testimony | undefined
  /** As applied here. */
  configuration(): Configuration
  peers(): Iterable<PeerId>
  /** Everybody who is there is linked, if that can be, and has told of its replica. */
  hasMetAll(): boolean
  tell(peer: PeerId, message: RosterMessage): void
  /** Begins a new epoch with this replica as its only voter. @returns its id and the last index that was kept */
  begin(): Promise<{ readonly epoch: EpochId; readonly baseIndex: number }>
}

export type Testimony = Omit<Survivor, 'kind' | 'nonce'>

/** How long survivors may take to be found. */
const MEET_MS = 10_000
const LOOK_AGAIN_MS = 100
/** How long they may take to answer. */
const SURVEY_MS = 1_000

/**
 * Gives a group whose quorum is lost for good a new beginning, where most of it is: asks everyone who is there how far
 * they are, and has the one with the most up-to-date log begin a new epoch.
 */
export class Recoveries {
  readonly #options: RecoveriesOptions
  #survey: { readonly nonce: number; readonly survivors: Map<PeerId, Testimony> } | undefined
  readonly #asked = new Map<number, Deferred<Recovery>>()
  #running: Promise<Recovery> | undefined
  /** The epoch that this replica ended, and what it began. */
  #last: { readonly epoch: EpochId; readonly recovery: Recovery } | undefined

  constructor(options: RecoveriesOptions) {
    this.#options = options
  }

  /** @throws LegionError E_INVALID if no quorum was lost; E_NOT_READY without a log here; E_TIMEOUT */
  recover(timeoutMs: number): Promise<Recovery> {
    this.#running ??= this.#recover(timeoutMs).finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  told(from: PeerId, message: Survey | Survivor | RecoverPlease | Recovered): void {
    switch (message.kind) {
      case 'survey':
        this.#testify(from, message)
        break
      case 'survivor':
        if (message.nonce === this.#survey?.nonce && peerOf(message.id) === from) {
          this.#survey.survivors.set(from, message)
        }
        break
      case 'recover-please':
        this.#recoverFor(from, message)
        break
      case 'recovered':
        this.#settle(message)
    }
  }

  async #recover(timeoutMs: number): Promise<Recovery> {
    await this.#meetAll()
    const self = this.#testimony()
    const survivors = await this.#ask(self)
    if (survivors.some(({ hasLeader }) => hasLeader)) throw notLost('the group has a leader')
    const best = mostUpToDate(survivors)
    if (best.id !== self.id) return this.#delegate(best, timeoutMs)
    const { voters, votersOutgoing } = this.#options.configuration()
    const present = new Set(survivors.flatMap(({ id, voices }) => [id, ...voices]))
    if (isQuorum(voters, present) && isQuorum(votersOutgoing, present))
      throw notLost('a majority of the voters is there')
    const peers = new Set(survivors.map(({ id }) => peerOf(id)))
    const gone = [...voters, ...votersOutgoing].filter((id) => !present.has(id)).map(peerOf)
    const begun = await this.#options.begin()
    const recovery = { ...begun, survivors: [...peers], discarded: [...new Set(gone)] }
    this.#last = { epoch: self.epoch, recovery }
    return recovery
  }

  /** Whoever is not found would be left behind. */
  async #meetAll(): Promise<void> {
    const { runtime, hasMetAll } = this.#options
    const endMs = runtime.nowMs() + MEET_MS
    while (!hasMetAll() && runtime.nowMs() < endMs && !this.#testimony().hasLeader) {
      await new Promise<void>((resolve) => runtime.setTimer(LOOK_AGAIN_MS, resolve))
    }
  }

  #testimony(): Testimony {
    const self = this.#options.self()
    if (self !== undefined) return self
    throw new LegionError('E_NOT_READY', 'This peer has no copy of the state: call recover() at one that has.')
  }

  async #ask(self: Testimony): Promise<Testimony[]> {
    const { runtime, peers, tell } = this.#options
    const nonce = this.#newNonce()
    const survivors = new Map<PeerId, Testimony>()
    this.#survey = { nonce, survivors }
    for (const peer of peers()) tell(peer, { kind: 'survey', nonce, epoch: self.epoch })
    await new Promise<void>((resolve) => runtime.setTimer(SURVEY_MS, resolve))
    this.#survey = undefined
    return [this.#testimony(), ...survivors.values()]
  }

  #testify(from: PeerId, { nonce, epoch }: Survey): void {
    const testimony = this.#options.self()
    if (testimony?.epoch === epoch) this.#options.tell(from, { kind: 'survivor', nonce, ...testimony })
  }

  #delegate({ id, epoch }: Testimony, timeoutMs: number): Promise<Recovery> {
    const { runtime, tell } = this.#options
    const nonce = this.#newNonce()
    const recovered = defer<Recovery>()
    this.#asked.set(nonce, recovered)
    const timer = runtime.setTimer(timeoutMs, () => {
      const problem = `${peerOf(id)} has more of the log than this peer and did not recover the group in time.`
      recovered.reject(new LegionError('E_TIMEOUT', problem))
    })
    tell(peerOf(id), { kind: 'recover-please', nonce, epoch })
    return recovered.promise.finally(() => {
      timer.cancel()
      this.#asked.delete(nonce)
    })
  }

  #recoverFor(from: PeerId, { nonce, epoch }: RecoverPlease): void {
    const answer = (recovery: Recovery | undefined, problem: string) =>
      this.#options.tell(from, { kind: 'recovered', nonce, recovery, problem })
    if (this.#last?.epoch === epoch) {
      answer(this.#last.recovery, '') // somebody else asked for it
      return
    }
    if (this.#options.self()?.epoch !== epoch) return
    this.recover(SURVEY_MS).then(
      (recovery) => answer(recovery, ''),
      (error: unknown) => answer(undefined, error instanceof Error ? error.message : String(error)),
    )
  }

  #settle({ nonce, recovery, problem }: Recovered): void {
    const asked = this.#asked.get(nonce)
    if (recovery !== undefined) asked?.resolve(recovery)
    else asked?.reject(new LegionError('E_INVALID', problem))
  }

  #newNonce(): number {
    return randomInt(() => this.#options.runtime.random(), EPOCH_ID_MAX)
  }
}

/** Of equal ones everybody chooses the same, so that two that recover at once do not begin two epochs. */
function mostUpToDate(survivors: readonly Testimony[]): Testimony {
  return survivors.reduce((best, other) => {
    const order = comparePositions(other.last, best.last)
    return order > 0 || (order === 0 && other.id < best.id) ? other : best
  })
}

function isQuorum(voters: readonly VoterId[], present: ReadonlySet<VoterId>): boolean {
  return voters.filter((id) => present.has(id)).length * 2 > voters.length || voters.length === 0
}

function notLost(why: string): LegionError {
  return new LegionError('E_INVALID', `There is nothing to recover: ${why}.`)
}

/** What this replica can say of itself to who wants to recover the group; nothing before it has any log. */
export function testimonyOf(replica: Replica | undefined, epoch: EpochId, isStopped: boolean): Testimony | undefined {
  if (replica === undefined || isStopped || replica.last.index === 0) return undefined
  const { id, voices, last, soft } = replica
  return { epoch, id, voices, last, hasLeader: soft.lead !== undefined }
}

/** Applies the whole log, committed or not: the state of a new epoch. @throws LegionError E_OUTDATED */
export async function newEpoch(replica: Replica, runtime: Runtime): Promise<{ epoch: Epoch; term: number }> {
  while (replica.isBusy) await new Promise<void>((resolve) => runtime.setTimer(BUSY_MS, resolve))
  const { state, last } = replica
  if (state.outdated !== undefined) throw state.outdated
  const id = randomInt(() => runtime.random(), EPOCH_ID_MAX)
  return { epoch: { id, base: last }, term: replica.exhaust() }
}

const BUSY_MS = 10
