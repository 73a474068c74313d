import { type ChildProcess, fork } from 'node:child_process'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Distribution } from '../benchmark.js'
import { etcdVersion } from '../machine.js'
import type { JoinSettings } from '../peer/legion-tasks.js'
import type { ProcessCost } from '../peer/process-tasks.js'
import type { Stack } from '../peer/raw-connection.js'
import { hottestFunctions, type Profile } from '../profile.js'
import { type Series, seriesOf } from '../statistics.js'
import { Cluster } from './cluster.js'
import { Etcd, type EtcdClient } from './etcd.js'
import { PeerProcess } from './peer-process.js'
import { RawPair } from './raw-pair.js'
import { type PhaseSeconds, Stopwatch } from './stopwatch.js'

export interface LabOptions {
  /** How often each subject is measured. */
  readonly runs: number
  /** Of a list of cases only those whose label holds this text. */
  readonly only: string
  /** Less state, fewer groups, shorter waits. */
  readonly quick: boolean
}

/** What a CPU profile can be made of: a process, a tab. */
export interface Profiled {
  readonly name: string
  startProfile(): Promise<void>
  /** @param path of the file that the profile is written to */
  stopProfile(path: string): Promise<void>
}

export interface PeerCost extends ProcessCost {
  readonly peer: string
}

/** Of one run of one subject, by name. */
type Figures = Readonly<Record<string, number>>
type Subject = () => Promise<Figures>
type Subjects = Readonly<Record<string, Subject>>

type Measured<S extends Subjects> = {
  readonly [K in keyof S]: { readonly [F in keyof Awaited<ReturnType<S[K]>>]: Series }
}

const SIGNALING_ENTRY = fileURLToPath(new URL('./signaling-process.js', import.meta.url))

/** Not below the system's temporary directory, which may be no disk at all. */
const DATA_DIRECTORY = fileURLToPath(new URL('../../.tmp', import.meta.url))

/** Of a profile so many functions are named. */
const HOTTEST = 10

export type StorageKind = 'memory' | 'LevelDB'

/** The processes of one benchmark, and how it measures. */
export class Lab {
  readonly #options: LabOptions
  readonly #peers: PeerProcess[] = []
  #signaling: { readonly child: ChildProcess; readonly url: Promise<string> } | undefined
  #costs: readonly PeerCost[] = []
  readonly #notes: string[] = []
  readonly #distributions: Record<string, Distribution> = {}
  readonly #stops: (() => Promise<void>)[] = []
  readonly #directory = makeDirectory()
  readonly #stopwatch = new Stopwatch()
  readonly #subjectSeconds: Record<string, number> = {}
  readonly #profiled: Profiled[] = []
  readonly #explanations: Profile[] = []
  #subjects: Subjects = {}
  #etcd: Etcd | undefined

  constructor(options: LabOptions) {
    this.#options = options
  }

  get quick(): boolean {
    return this.#options.quick
  }

  get notes(): readonly string[] {
    return this.#notes
  }

  note(sentence: string): void {
    this.#notes.push(sentence)
  }

  /** By what was measured. */
  get distributions(): Readonly<Record<string, Distribution>> {
    return this.#distributions
  }

  /** Keeps a distribution, which is drawn beside the others of this benchmark; its first and last quantiles are no rows. */
  distribution(label: string, { p1, p10, p25, p50, p75, p90, p99, p999 }: Distribution): void {
    this.#distributions[label] = { p1, p10, p25, p50, p75, p90, p99, p999 }
  }

  /** The cases that are asked for. @throws Error if there is none */
  select<C extends { readonly label: string }>(cases: readonly C[]): readonly C[] {
    const { only } = this.#options
    const selected = cases.filter(({ label }) => label.includes(only))
    if (selected.length === 0) throw new Error(`No case holds "${only}": ${cases.map(({ label }) => label).join('; ')}`)
    return selected
  }

  /** Of the measured part: CPU seconds without the warm-up, peak memory in all. */
  get costs(): readonly PeerCost[] {
    return this.#costs
  }

  /** Two processes that are not connected yet. */
  rawPair(stack: Stack): RawPair {
    return new RawPair(this.#spawn(`raw ${stack} 1`), this.#spawn(`raw ${stack} 2`), stack)
  }

  async connectedRawPair(stack: Stack): Promise<RawPair> {
    const pair = this.rawPair(stack)
    await pair.connect()
    return pair
  }

  /** @param name of a cluster of its own; by default all of a kind are in one */
  async cluster(size: number, stack: Stack, kind: StorageKind, name?: string): Promise<Cluster> {
    const suffix = name === undefined ? '' : ` of ${name}`
    const peers = Array.from({ length: size }, (_, i) => this.#spawn(`legion ${kind} ${i + 1}${suffix}`))
    const settings = await Promise.all(peers.map((peer) => this.joinSettings(stack, kind, peer.name)))
    const named = name === undefined ? settings : settings.map((each) => ({ ...each, cluster: name }))
    return Cluster.start(peers, named)
  }

  /** @param name of a peer that never joined before: its LevelDB is new, on the same disk as everybody's data */
  async joinSettings(stack: Stack, kind: StorageKind, name: string): Promise<JoinSettings> {
    const directory = kind === 'memory' ? undefined : join(this.#directory, name.replaceAll(' ', '-'))
    return { cluster: `bench-${kind}`, signaling: await this.signalingUrl(), stack, directory }
  }

  /** Three processes of etcd and one that is their client; undefined, with a note, if etcd is not installed. */
  async etcd(): Promise<EtcdClient | undefined> {
    if (etcdVersion() === undefined) {
      this.note('There is nothing from etcd here: it is not installed (`apt-get install etcd-server`).')
      return undefined
    }
    this.#etcd = await Etcd.start(join(this.#directory, 'etcd'))
    return this.#etcd.connect(this.#spawn('client of etcd'))
  }

  /** One more peer, which has joined nothing. */
  idlePeer(name: string): PeerProcess {
    return this.#spawn(name)
  }

  /** The one signaling server of this lab. @returns its URL */
  signalingUrl(): Promise<string> {
    this.#signaling ??= startSignaling()
    return this.#signaling.url
  }

  /**
   * Runs the subjects in turn, so that whatever else the machine does hits all alike. Once per lab.
   * @param warmUp runs before, once each, and does not count; default: the subjects
   */
  async measure<const S extends Subjects>(subjects: S, warmUp: Subjects = subjects): Promise<Measured<S>> {
    const values = new Map<string, Figures[]>(Object.keys(subjects).map((name) => [name, []]))
    this.#subjects = subjects
    this.#stopwatch.enter('warm-up')
    await runAll(warmUp)
    const before = await this.#askCosts()
    this.#stopwatch.enter('measuring')
    for (let run = 0; run < this.#options.runs; run++) {
      for (const { name, figures, seconds } of await runAll(subjects)) {
        values.get(name)?.push(figures)
        this.#subjectSeconds[name] = (this.#subjectSeconds[name] ?? 0) + seconds / this.#options.runs
      }
    }
    this.#stopwatch.enter('tear-down')
    const after = await this.#askCosts()
    this.#costs = after.map((cost, i) => ({ ...cost, cpuSeconds: cost.cpuSeconds - (before[i]?.cpuSeconds ?? 0) }))
    return Object.fromEntries([...values].map(([name, runs]) => [name, combine(runs)])) as Measured<S>
  }

  /** What takes so long that it is measured once, or all samples at a time; without a warm-up. */
  async measureOnce<T>(subject: () => Promise<T>): Promise<T> {
    this.#stopwatch.enter('measuring')
    const result = await subject()
    this.#stopwatch.enter('tear-down')
    return result
  }

  /** Besides the peers. */
  canProfile(profiled: Profiled): void {
    this.#profiled.push(profiled)
  }

  /** Tells what a figure is made of where no CPU profile can. */
  explain(profile: Profile): void {
    this.#explanations.push(profile)
  }

  /** Runs what was measured once more, and leaves CPU profiles in the directory. @returns what is in them */
  async profile(directory: string): Promise<readonly Profile[]> {
    this.#stopwatch.enter('profile')
    const profiled = [...this.#peers, ...this.#profiled]
    await rm(directory, { recursive: true, force: true })
    await mkdir(directory, { recursive: true })
    await Promise.all(profiled.map((each) => each.startProfile()))
    await runAll(this.#subjects)
    const made = await Promise.all(profiled.map((each) => stopProfile(each, directory)))
    return [...this.#explanations, ...made]
  }

  /** Where the time went so far. */
  get phases(): PhaseSeconds {
    return this.#stopwatch.seconds
  }

  /** How long one run of each subject took, on average. */
  get subjectSeconds(): Readonly<Record<string, number>> {
    return this.#subjectSeconds
  }

  /** Something that ends with this lab. */
  onStop(stop: () => Promise<void>): void {
    this.#stops.push(stop)
  }

  async stop(): Promise<void> {
    this.#stopwatch.enter('tear-down')
    await Promise.all(this.#stops.map((stop) => stop()))
    this.#signaling?.child.kill()
    await Promise.all([...this.#peers.map((peer) => peer.stop()), this.#etcd?.stop()])
    await rm(this.#directory, { recursive: true, force: true })
  }

  #spawn(name: string): PeerProcess {
    const peer = new PeerProcess(name)
    this.#peers.push(peer)
    return peer
  }

  #askCosts(): Promise<PeerCost[]> {
    return Promise.all(this.#peers.map(async (peer) => ({ peer: peer.name, ...(await peer.ask('cost')) })))
  }
}

function makeDirectory(): string {
  mkdirSync(DATA_DIRECTORY, { recursive: true })
  return mkdtempSync(join(DATA_DIRECTORY, 'run-'))
}

function startSignaling() {
  const child = fork(SIGNALING_ENTRY)
  const url = new Promise<string>((resolve, reject) => {
    child.once('message', (message) => resolve(String(message)))
    child.once('exit', (code) => reject(new Error(`the signaling server ended: ${code}`)))
  })
  return { child, url }
}

async function stopProfile(profiled: Profiled, directory: string): Promise<Profile> {
  const path = join(directory, `${profiled.name.replaceAll(/[^\w]+/g, '-')}.cpuprofile`)
  await profiled.stopProfile(path)
  return { of: profiled.name, parts: hottestFunctions(path, HOTTEST) }
}

async function runAll(subjects: Subjects) {
  const results: { readonly name: string; readonly figures: Figures; readonly seconds: number }[] = []
  for (const [name, run] of Object.entries(subjects)) {
    const startMs = performance.now()
    const figures = await run()
    results.push({ name, figures, seconds: (performance.now() - startMs) / 1000 })
  }
  return results
}

function combine(runs: readonly Figures[]): Record<string, Series> {
  const names = Object.keys(runs[0] ?? {})
  return Object.fromEntries(names.map((name) => [name, seriesOf(runs.map((figures) => figures[name] ?? Number.NaN))]))
}
