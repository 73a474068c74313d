import { defer } from '../base/deferred.js'
import { LegionError } from '../base/errors.js'
import { type Runtime, setPeriodicTimer } from '../base/runtime.js'
import type { AnyMachine } from '../machines/types.js'
import { encodeCreateGroup } from './entry.js'
import type { Group } from './group.js'
import { GROUPS_MAX, type GroupRecord } from './group-registry.js'
import type { GroupStatus } from './group-types.js'
import { inTime } from './in-time.js'
import type { Split } from './split.js'
import { blindMachine } from './stored-groups.js'

export interface OpenGroupOptions {
  /** How many members replicate the group if it is created now; 0: everyone who opens it. Default 0. */
  readonly replicas?: number | undefined
  /** Milliseconds; then E_TIMEOUT. Default 30,000. */
  readonly timeoutMs?: number | undefined
}

export interface GroupDirectoryOptions {
  readonly main: Group<AnyMachine>
  readonly runtime: Runtime
  create<G extends AnyMachine>(machine: G, number: number): Group<G>
  /** Something that no caller waits for went wrong in a group. */
  failed(error: LegionError): void
  split(split: Split): void
}

interface OpenGroup {
  readonly machine: AnyMachine
  readonly group: Promise<Group<AnyMachine>>
}

const NAME_CHARACTERS_MAX = 100
const DEFAULT_TIMEOUT_MS = 30_000
/** A request to create a group may get lost. */
const ASK_AGAIN_MS = 1_000

/** The groups that this peer has open besides `main`, whose log says which ones there are. */
export class GroupDirectory {
  readonly #options: GroupDirectoryOptions
  readonly #open = new Map<string, OpenGroup>()
  readonly #groups = new Map<string, Group<AnyMachine>>()
  /** Those that this peer asked for, and founded, since it started. */
  readonly #asked = new Set<string>()
  readonly #founded = new Set<number>()

  constructor(options: GroupDirectoryOptions) {
    this.#options = options
  }

  /** @throws LegionError E_INVALID, E_MACHINE, E_TIMEOUT, E_OUTDATED, E_CLOSED */
  open<G extends AnyMachine>(name: string, machine: G, options: OpenGroupOptions): Promise<Group<G>> {
    requireName(name)
    const known = this.#open.get(name)
    if (known !== undefined) return requireSame(name, machine, known) as Promise<unknown> as Promise<Group<G>>
    const group = this.#start(name, machine, options)
    this.#open.set(name, { machine, group: group as unknown as Promise<Group<AnyMachine>> })
    group.catch(() => this.#open.delete(name))
    return group
  }

  /** Of those that are open, by name. */
  statuses(): Readonly<Record<string, GroupStatus>> {
    const statuses = [...this.#groups].map(([name, group]) => [name, group.status()] as const)
    return Object.fromEntries(statuses.filter(([, status]) => status !== undefined)) as Record<string, GroupStatus>
  }

  /**
   * Leaves groups that are stored here and were not opened, as far as the others are there to agree.
   * @param timeoutMs for finding out what they are, and once more for the leaving
   */
  async leaveUnopened(numbers: readonly number[], timeoutMs: number): Promise<void> {
    if (numbers.length === 0) return
    const records = await this.#recordsOf(numbers, timeoutMs)
    const groups = records.map((record) => this.#host(record, blindMachine(record.machineName)))
    await Promise.all(groups.map((group) => group.leave(timeoutMs).catch(() => {})))
  }

  /**
   * Leaves all groups, `main` last, which the others need.
   * @throws LegionError if `throws`: a group that is lost without this peer did not let it go, and `main` was not asked; or
   *   `main` did not
   */
  async leaveAll(timeoutMs: number, { throws = false } = {}): Promise<void> {
    const leaving = [...this.#groups.values()].map((group) =>
      group.leave(timeoutMs).catch((error: unknown) => {
        if (throws && isNeeded(group.status())) throw error // else its leader removes this peer, when there is one
      }),
    )
    await Promise.all(leaving)
    await this.#options.main.leave(timeoutMs).catch((error: unknown) => {
      if (throws) throw error // else the others notice, a little later
    })
  }

  async handOverAll(timeoutMs: number): Promise<void> {
    await Promise.all([this.#options.main, ...this.#groups.values()].map((group) => group.handOver(timeoutMs)))
  }

  /** This peer was ejected. */
  expel(error: LegionError): void {
    for (const group of this.#groups.values()) group.fail(error)
  }

  close(): void {
    for (const group of this.#groups.values()) group.close()
    this.#options.main.close()
  }

  async #start<G extends AnyMachine>(name: string, machine: G, options: OpenGroupOptions): Promise<Group<G>> {
    const { main, runtime } = this.#options
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
    const deadlineMs = runtime.nowMs() + timeoutMs
    const problem = `The group "${name}" could not be opened in time: `
    await inTime(runtime, main.ready, timeoutMs, `${problem}the cluster's state is not here.`)
    const found = this.#find(name, machine, options.replicas ?? 0)
    const record = await inTime(runtime, found, deadlineMs - runtime.nowMs(), `${problem}it could not be agreed on.`)
    const group = this.#host(record, machine)
    const started = inTime(runtime, group.ready, deadlineMs - runtime.nowMs(), `${problem}no member has its state.`)
    await started.catch((error: unknown) => {
      this.#forget(name, group)
      throw error
    })
    return group
  }

  /** The group's record in the log of `main`, which gets one if it has none. */
  #find(name: string, machine: AnyMachine, replicas: number): Promise<GroupRecord> {
    const { main, runtime } = this.#options
    const known = main.registry.get(name)
    if (known !== undefined) return Promise.resolve(known)
    if (main.registry.size >= GROUPS_MAX) return Promise.reject(tooManyError(name))
    return new Promise((resolve) => {
      const ask = () => {
        const founder = main.voterId
        this.#asked.add(name)
        if (founder !== undefined)
          main.proposeEntry(encodeCreateGroup({ name, machineName: machine.name, replicas, founder }))
      }
      const look = () => {
        const record = main.registry.get(name)
        if (record === undefined) return
        timer.cancel()
        unsubscribe()
        resolve(record)
      }
      const timer = setPeriodicTimer(runtime, ASK_AGAIN_MS, ask)
      const unsubscribe = main.onGroups(look)
      ask()
    })
  }

  /** Those that the log of `main` has created, as far as that is known in time. */
  async #recordsOf(numbers: readonly number[], timeoutMs: number): Promise<GroupRecord[]> {
    const { main, runtime } = this.#options
    const known = defer()
    const records = () =>
      main.isReady ? [...main.registry.values()].filter(({ number }) => numbers.includes(number)) : []
    const look = () => {
      if (records().length === numbers.length) known.resolve()
    }
    const unsubscribe = main.onGroups(look)
    main.ready.then(look, () => {})
    await inTime(runtime, known.promise, timeoutMs, 'Not all groups are known.').catch(() => {})
    unsubscribe()
    return records()
  }

  #host<G extends AnyMachine>(record: GroupRecord, machine: G): Group<G> {
    const { name, number, machineName, founder, replicas } = record
    if (machineName !== machine.name) {
      const problem = `The group "${name}" runs the machine "${machineName}", not "${machine.name}".`
      throw new LegionError('E_MACHINE', problem)
    }
    const isFounder = founder === this.#options.main.voterId && this.#asked.has(name) && !this.#founded.has(number)
    if (isFounder) this.#founded.add(number)
    const group = this.#options.create(machine, number)
    this.#groups.set(name, group as unknown as Group<AnyMachine>)
    group.on('failed', (error) => this.#options.failed(error))
    group.on('split', (split) => this.#options.split(split))
    group.onClosed(() => this.#forget(name, group))
    group.start(replicas, isFounder)
    return group
  }

  #forget<G extends AnyMachine>(name: string, group: Group<G>): void {
    this.#groups.delete(name)
    this.#open.delete(name)
    group.close()
  }
}

function tooManyError(name: string): LegionError {
  const problem = `The group "${name}" can't be created: the cluster has ${GROUPS_MAX} already.`
  return new LegionError('E_BUSY', problem, { outcome: 'not-applied' })
}

function requireName(name: string): void {
  if (typeof name === 'string' && name.length >= 1 && name.length <= NAME_CHARACTERS_MAX && name !== 'main') return
  const problem = `A group's name has 1 to ${NAME_CHARACTERS_MAX} characters and is not "main".`
  throw new LegionError('E_INVALID', problem)
}

function requireSame(name: string, machine: AnyMachine, known: OpenGroup): Promise<Group<AnyMachine>> {
  if (known.machine === machine) return known.group
  throw new LegionError('E_MACHINE', `The group "${name}" is open here with another machine, or another copy of it.`)
}

/** The other voters, if there are any, are no majority. */
function isNeeded(status: GroupStatus | undefined): boolean {
  if (status === undefined || status.stopped !== undefined) return false
  const { voters } = status.configuration
  return voters.length <= 2 && voters.includes(status.id)
}
