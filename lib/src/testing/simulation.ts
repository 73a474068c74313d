import { Emitter } from '../base/emitter.js'
import type { PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import { type RandomStream, seededRandom } from '../base/random.js'
import type { Runtime } from '../base/runtime.js'
import { consensusCode } from '../consensus-code.js'
import { Legion } from '../legion.js'
import type { kv } from '../machines/kv.js'
import type { AnyMachine } from '../machines/types.js'
import { Mesh } from '../mesh/mesh.js'
import type { PeerKind } from '../mesh/peer-info.js'
import type { LegionOptions } from '../options.js'
import type { LifecycleEvents, Platform, PlatformStorage } from '../platform.js'
import { openSharedStore } from '../storage/cluster-stores.js'
import type { Conditions } from './simulated-channel.js'
import { SimulatedDisk, type SimulatedDiskOptions } from './simulated-disk.js'
import { SimulatedNetwork } from './simulated-network.js'
import { SimulatedClock } from './simulated-runtime.js'
import { SlowTimers } from './slow-timers.js'

export interface SimulationOptions {
  /** Decides everything: the same seed and the same calls give the same run. */
  readonly seed: number
  readonly conditions?: Partial<Conditions> | undefined
  /** Gets what all peers log. Nowhere by default. */
  readonly logger?: Logger | undefined
}

/** What a simulated peer is opened with; the world comes from the simulation. */
export type SimulatedPeerOptions<M extends AnyMachine, H> = Omit<
  LegionOptions<M, H, Legion<M>>,
  'cluster' | 'signaling' | 'platform'
> & {
  readonly kind?: PeerKind | undefined
  readonly host?: string | undefined
  /** Of the disk that the option `storage: 'simulated'` uses. */
  readonly disk?: SimulatedDiskOptions | undefined
}

/** A whole Legion on simulated time and network, and what can happen to the page or process around it. */
export interface SimulatedPeer<M extends AnyMachine = typeof kv, H = unknown> {
  readonly id: PeerId
  readonly legion: Legion<M, H>
  /**
   * Its disk, used with the option `storage: 'simulated'`. It outlives the process; browser peers with the same `host`
   * share one.
   */
  readonly disk: SimulatedDisk
  /** False after `crash` or `closePage`. */
  readonly isAlive: boolean
  /** The process ends without a word; what its disk had not made durable may be lost. */
  crash(): void
  /** The page is closed by its user: a goodbye, then nothing. */
  closePage(): void
  setVisible(visible: boolean): void
  /** Its timers fire on whole seconds only, as those of a hidden page do; messages are not delayed. */
  setThrottled(throttled: boolean): void
  /** No timer of it fires for a while, as in a laptop that is closed. Its messages are the network's to hold back. */
  sleep(durationMs: number): void
  /**
   * Starts the peer that has ended again, with the same disk; in a browser whoever takes its store is the same peer.
   * @param options instead of those that it was opened with, say a newer machine
   */
  restart(options?: SimulatedPeerOptions<M, H>): SimulatedPeer<M, H>
}

/**
 * A deterministic world for Legions: five peers of the whole library in one process, on one simulated clock. Nothing
 * happens but in `run` and `settle`.
 */
export class Simulation {
  readonly clock = new SimulatedClock()
  readonly network: SimulatedNetwork
  readonly random: RandomStream
  readonly #options: SimulationOptions
  /** The disks of browsers, by host. */
  readonly #profiles = new Map<string, SimulatedDisk>()
  #opened = 0

  constructor(options: SimulationOptions) {
    this.#options = options
    this.random = seededRandom(options.seed, 1)
    const random = seededRandom(options.seed, 2)
    this.network = new SimulatedNetwork({ clock: this.clock, random, conditions: options.conditions })
  }

  /** Of everything that happened so far. */
  get hash(): number {
    return this.network.hash
  }

  /** Opens a peer; it joins while the simulation runs. */
  open<M extends AnyMachine = typeof kv, H = unknown>(options: SimulatedPeerOptions<M, H> = {}): SimulatedPeer<M, H> {
    const runtime = this.clock.fork(this.#options.seed, 4, this.#opened)
    const host = `host-${this.#opened}`
    return this.#start({ host, ...options }, this.#diskOf(options, runtime))
  }

  /** Opens peers and runs until all of them have the state. @throws Error after `timeoutMs` of simulated time */
  async peers<M extends AnyMachine = typeof kv, H = unknown>(
    count: number,
    options: SimulatedPeerOptions<M, H> = {},
    timeoutMs = 60_000,
  ): Promise<SimulatedPeer<M, H>[]> {
    const peers = Array.from({ length: count }, () => this.open<M, H>(options))
    await this.settle(() => peers.every(({ legion }) => legion.status().isReady), timeoutMs)
    return peers
  }

  run(durationMs: number): Promise<void> {
    return this.clock.run(durationMs)
  }

  /** Runs until `condition` holds. @throws Error if it does not within `timeoutMs` of simulated time */
  async settle(condition: () => boolean, timeoutMs = 60_000): Promise<void> {
    const endMs = this.clock.nowMs + timeoutMs
    while (!condition()) {
      if (this.clock.nowMs >= endMs) throw new Error(`the condition does not hold after ${timeoutMs} simulated ms`)
      await this.clock.run(SETTLE_STEP_MS)
    }
  }

  /** Runs until the promise settles, and gives its value. */
  async until<T>(promise: Promise<T>, timeoutMs = 60_000): Promise<T> {
    let isSettled = false
    const note = () => {
      isSettled = true
    }
    promise.then(note, note)
    await this.settle(() => isSettled, timeoutMs)
    return promise
  }

  partition(...sides: readonly (readonly SimulatedPeer<AnyMachine>[])[]): void {
    this.network.partition(...sides.map((side) => side.map(({ id }) => id)))
  }

  heal(): void {
    this.network.heal()
  }

  /** Pages of one browser share a disk; any other process has its own. */
  #diskOf(
    { kind, host, disk }: Pick<SimulatedPeerOptions<AnyMachine, unknown>, 'kind' | 'host' | 'disk'>,
    runtime: Runtime,
  ): SimulatedDisk {
    if (kind !== 'browser' || host === undefined) return new SimulatedDisk(runtime, disk)
    const profile = this.#profiles.get(host) ?? new SimulatedDisk(runtime, disk)
    this.#profiles.set(host, profile)
    return profile.share(runtime, disk)
  }

  #start<M extends AnyMachine, H>(options: SimulatedPeerOptions<M, H>, disk: SimulatedDisk): SimulatedPeer<M, H> {
    const { kind = 'node', host = '', disk: _, ...rest } = options
    const process = new SimulatedProcess(this.clock.fork(this.#options.seed, 3, this.#opened++), this.network, disk)
    const platform = process.platform(kind, host)
    const logger = this.#options.logger
    const legion = Legion.open<M, H>({ logger, ...rest, cluster: 'simulated', signaling: 'simulated:', platform })
    return process.peer(legion, (other = options) => this.#start({ host, ...other }, disk))
  }
}

/** A deterministic world for Legions. */
export function createSimulation(options: SimulationOptions): Simulation {
  return new Simulation(options)
}

const SETTLE_STEP_MS = 10
const STORE = 'peer'

/** One process: after its end none of its timers fires any more. */
class SimulatedProcess {
  readonly #runtime: Runtime
  readonly #timers: SlowTimers
  readonly #network: SimulatedNetwork
  readonly #disk: SimulatedDisk
  readonly #lifecycle = new Emitter<LifecycleEvents>()
  #visible = true
  #isAlive = true

  constructor(runtime: Runtime, network: SimulatedNetwork, disk: SimulatedDisk) {
    this.#network = network
    this.#disk = disk
    this.#timers = new SlowTimers(runtime)
    this.#runtime = {
      nowMs: () => runtime.nowMs(),
      wallClockMs: () => runtime.wallClockMs(),
      random: () => runtime.random(),
      randomBytes: (count) => runtime.randomBytes(count),
      setTimer: (delayMs, fn) => this.#timers.setTimer(delayMs, () => this.#isAlive && fn()),
    }
  }

  platform(kind: PeerKind, host: string): Platform {
    const isVisible = () => this.#visible
    return {
      kind,
      host,
      runtime: this.#runtime,
      storage: this.#storage(kind),
      compression: undefined,
      loadConsensus: () => consensusCode,
      loadMesh: () => Mesh,
      createConnector: (self) => this.#network.connector(self),
      createRendezvous: ({ self }) => this.#network.rendezvous(self),
      lifecycle: {
        get visible() {
          return isVisible()
        },
        on: (event, listener) => this.#lifecycle.on(event, listener),
      },
    }
  }

  #storage(kind: PeerKind): PlatformStorage {
    return {
      kind: 'simulated',
      isDefault: false,
      open: async (cluster, choice) => {
        const storage = this.#disk.storage()
        if (kind === 'browser') return openSharedStore(storage, cluster, this.#runtime, choice)
        return { store: await storage.open(STORE), siblings: undefined }
      },
    }
  }

  peer<M extends AnyMachine, H>(legion: Legion<M, H>, restart: SimulatedPeer<M, H>['restart']): SimulatedPeer<M, H> {
    const isAlive = () => this.#isAlive
    const end = () => {
      this.#isAlive = false
      this.#network.crash(legion.self.id)
      this.#disk.crash()
    }
    return {
      get id() {
        return legion.self.id
      },
      legion,
      disk: this.#disk,
      restart,
      get isAlive() {
        return isAlive()
      },
      crash: end,
      closePage: () => {
        this.#lifecycle.emit('hide')
        this.#isAlive = false
        this.#disk.crash()
      },
      setVisible: (visible) => {
        this.#visible = visible
        this.#lifecycle.emit('visibility', visible)
      },
      setThrottled: (throttled) => {
        this.#timers.isThrottled = throttled
      },
      sleep: (durationMs) => this.#timers.sleep(durationMs),
    }
  }
}
