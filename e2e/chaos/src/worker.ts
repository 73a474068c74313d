import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { kv, Legion, type PeerId } from 'legion-mesh'
import { nodePlatform } from 'legion-mesh/node'
import type { KvContent } from 'legion-mesh/testing'
import { FileJournal } from './journal.js'
import { machineMicros } from './machine-clock.js'
import { seededRandom } from './random.js'
import { Workload } from './workload.js'

/** What a worker is told when it is started. */
export interface WorkerOptions {
  readonly name: string
  readonly cluster: string
  readonly signaling: string
  readonly voters: number
  readonly seed: number
  readonly clients: number
  /** The file of the journal. */
  readonly journal: string
  /** Where the peer keeps what shall survive it; nowhere if left out. */
  readonly directory?: string | undefined
}

/** What it says. */
export type WorkerEvent =
  | { readonly event: 'ready'; readonly peer: PeerId }
  | { readonly event: 'members'; readonly voters: readonly PeerId[]; readonly leader: PeerId | undefined }
  | { readonly event: 'failed'; readonly problem: string }
  | { readonly event: 'stopped' }
  | { readonly event: 'state'; readonly state: StateReport }

/** The state of a replica that has everything that was committed when it was asked. */
export interface StateReport {
  /** Of the entries. */
  readonly hash: string
  readonly entries: readonly (readonly [key: string, value: KvContent])[]
  /** Microseconds of the machine's clock, when the question was asked and when it was answered. */
  readonly invokedAt: number
  readonly returnedAt: number
}

/** What it is asked: to end its load, or for its state. */
export type WorkerRequest = 'stop' | 'state'

const PAUSE_MS = 5
const TIMEOUT_MS = 4_000
const JOIN_TIMEOUT_MS = 60_000
const SETTLE_TIMEOUT_MS = 2_000
/** Of a voter without storage: it never comes back, and soon is replaced. */
const REPLACE_AFTER_MS = 1_500

async function main(options: WorkerOptions): Promise<void> {
  const legion = await join(options)
  const journal = new FileJournal(options.journal)
  const tellMembers = () => tell({ event: 'members', voters: votersOf(legion), leader: legion.leader })
  legion.on('members', tellMembers)
  legion.on('leader', tellMembers)
  legion.on('error', ({ code, message }) => fail(`${code}: ${message}`))
  tell({ event: 'ready', peer: legion.self.id })
  tellMembers()
  const workload = startLoad(legion, journal, options)
  workload.ended.catch((error) => fail(String(error?.stack ?? error)))
  process.on('message', (request: WorkerRequest) => void answer(request, legion, workload))
}

async function join({ name, cluster, signaling, voters, directory }: WorkerOptions): Promise<Legion> {
  const platform = await nodePlatform({ directory })
  const timing = {
    joinTimeoutMs: JOIN_TIMEOUT_MS,
    ...(directory === undefined && { replaceAfterMs: REPLACE_AFTER_MS }),
  }
  const legion = await Legion.join({ cluster, signaling, name, voters, platform, machine: kv, timing, logger: console })
  if (legion.self.durable !== (directory !== undefined)) throw new Error('the library kept nothing in its directory')
  return legion
}

function startLoad(legion: Legion, journal: FileJournal, { name, seed, clients }: WorkerOptions): Workload {
  return new Workload({
    legion,
    journal,
    clients,
    random: seededRandom(seed),
    writer: name,
    nowMs: () => machineMicros() / 1000,
    pauseMs: PAUSE_MS,
    timeoutMs: TIMEOUT_MS,
    sleep,
  })
}

async function answer(request: WorkerRequest, legion: Legion, workload: Workload): Promise<void> {
  if (request === 'stop') {
    await workload.stop()
    tell({ event: 'stopped' })
  } else {
    tell({ event: 'state', state: await reportState(legion) })
  }
}

/** Asks again until there is a quorum. */
async function reportState(legion: Legion): Promise<StateReport> {
  for (;;) {
    const invokedAt = machineMicros()
    try {
      const entries = await legion.read('range', {}, { timeoutMs: SETTLE_TIMEOUT_MS })
      const hash = createHash('sha256').update(JSON.stringify(entries)).digest('hex')
      return { hash, entries: entries as StateReport['entries'], invokedAt, returnedAt: machineMicros() }
    } catch (error) {
      console.error(error)
    }
  }
}

function votersOf(legion: Legion): PeerId[] {
  return legion.members.filter(({ role }) => role === 'voter').map(({ peer }) => peer)
}

function tell(event: WorkerEvent): void {
  if (process.connected) process.send?.(event)
}

function fail(problem: string): void {
  console.error(problem)
  tell({ event: 'failed', problem })
}

process.on('disconnect', () => process.exit())
await main(JSON.parse(process.argv[2] ?? ''))
