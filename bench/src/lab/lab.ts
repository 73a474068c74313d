import { type ChildProcess, fork } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ProcessCost } from '../peer/process-tasks.js'
import type { Stack } from '../peer/raw-connection.js'
import { type Series, seriesOf } from '../statistics.js'
import { Cluster } from './cluster.js'
import { PeerProcess } from './peer-process.js'
import { RawPair } from './raw-pair.js'

export interface LabOptions {
  /** How often each subject is measured. */
  readonly runs: number
  /** Where the peers' CPU profiles go; undefined: none are made. */
  readonly profileDirectory: string | undefined
}

export interface PeerCost extends ProcessCost {
  readonly peer: string
}

/** Of one run of one subject, by name. */
type Figures = Readonly<Record<string, number>>
type Subject = () => Promise<Figures>

type Measured<S extends Readonly<Record<string, Subject>>> = {
  readonly [K in keyof S]: { readonly [F in keyof Awaited<ReturnType<S[K]>>]: Series }
}

const SIGNALING_ENTRY = fileURLToPath(new URL('./signaling-process.js', import.meta.url))

/** The processes of one benchmark, and how it measures. */
export class Lab {
  readonly #options: LabOptions
  readonly #peers: PeerProcess[] = []
  #signaling: { readonly child: ChildProcess; readonly url: Promise<string> } | undefined
  #costs: readonly PeerCost[] = []

  constructor(options: LabOptions) {
    this.#options = options
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

  async cluster(size: number, stack: Stack): Promise<Cluster> {
    const signaling = await this.signalingUrl()
    const peers = Array.from({ length: size }, (_, i) => this.#spawn(`legion ${i + 1}`))
    return Cluster.start(peers, { cluster: 'bench', signaling, stack })
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
   * Runs the subjects in turn, so that whatever else the machine does hits all alike; the first round, the warm-up,
   * does not count. Once per lab.
   */
  async measure<const S extends Readonly<Record<string, Subject>>>(subjects: S): Promise<Measured<S>> {
    const values = new Map<string, Figures[]>(Object.keys(subjects).map((name) => [name, []]))
    await runAll(subjects)
    const stopWatching = await this.#watch()
    for (let run = 0; run < this.#options.runs; run++) {
      for (const [name, figures] of await runAll(subjects)) values.get(name)?.push(figures)
    }
    await stopWatching()
    return Object.fromEntries([...values].map(([name, runs]) => [name, combine(runs)])) as Measured<S>
  }

  stop(): void {
    for (const peer of this.#peers) peer.stop()
    this.#signaling?.child.kill()
  }

  #spawn(name: string): PeerProcess {
    const peer = new PeerProcess(name)
    this.#peers.push(peer)
    return peer
  }

  /** From now until the returned function is called: what the peers cost, and their profiles. */
  async #watch(): Promise<() => Promise<void>> {
    const directory = this.#options.profileDirectory
    if (directory !== undefined) {
      await rm(directory, { recursive: true, force: true })
      await mkdir(directory, { recursive: true })
      await Promise.all(this.#peers.map((peer) => peer.ask('startProfile')))
    }
    const before = await this.#askCosts()
    return async () => {
      const after = await this.#askCosts()
      this.#costs = after.map((cost, i) => ({ ...cost, cpuSeconds: cost.cpuSeconds - (before[i]?.cpuSeconds ?? 0) }))
      if (directory !== undefined) await Promise.all(this.#peers.map((peer) => stopProfile(peer, directory)))
    }
  }

  #askCosts(): Promise<PeerCost[]> {
    return Promise.all(this.#peers.map(async (peer) => ({ peer: peer.name, ...(await peer.ask('cost')) })))
  }
}

function startSignaling() {
  const child = fork(SIGNALING_ENTRY)
  const url = new Promise<string>((resolve, reject) => {
    child.once('message', (message) => resolve(String(message)))
    child.once('exit', (code) => reject(new Error(`the signaling server ended: ${code}`)))
  })
  return { child, url }
}

function stopProfile(peer: PeerProcess, directory: string): Promise<void> {
  return peer.ask('stopProfile', join(directory, `${peer.name.replaceAll(/[^\w]+/g, '-')}.cpuprofile`))
}

async function runAll(subjects: Readonly<Record<string, Subject>>): Promise<[string, Figures][]> {
  const results: [string, Figures][] = []
  for (const [name, run] of Object.entries(subjects)) results.push([name, await run()])
  return results
}

function combine(runs: readonly Figures[]): Record<string, Series> {
  const names = Object.keys(runs[0] ?? {})
  return Object.fromEntries(names.map((name) => [name, seriesOf(runs.map((figures) => figures[name] ?? Number.NaN))]))
}
