import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

/** What is used of @markwylde/liferaft, which has no types. */
interface LifeRaft {
  readonly state: number
  readonly address: string
  on(event: 'commit', listener: (command: Command) => void): void
  on(event: 'error', listener: () => void): void
  emit(event: 'data', packet: unknown, answer: (reply: unknown) => void): void
  join(address: string): void
  command(command: Command): Promise<void>
  end(): void
}

interface LifeRaftClass {
  new (address: string, options: object): LifeRaft
  readonly LEADER: number
}

interface Command {
  readonly id: number
}

const require = createRequire(import.meta.url)
const NAMES = ['a', 'b', 'c']
const TIMING = { 'election min': '2 seconds', 'election max': '4 seconds', heartbeat: '200 milliseconds' }
const ELECTION_LOOK_MS = 100

/**
 * Three nodes of liferaft in one process, which call each other. It has no log but one in LevelDB, which it does not
 * sync; here that is in the system's temporary directory.
 */
export class LifeRaftCluster {
  readonly #nodes: ReadonlyMap<string, LifeRaft>
  readonly #directory: string
  readonly #leader: LifeRaft
  readonly #waiting = new Map<number, () => void>()
  #lastId = 0

  static async start(): Promise<LifeRaftCluster> {
    const Base = require('@markwylde/liferaft') as LifeRaftClass
    const Log: unknown = require('@markwylde/liferaft/log')
    const directory = mkdtempSync(join(tmpdir(), 'liferaft-'))
    const nodes = new Map<string, LifeRaft>()
    class LocalNode extends (Base as new (address: string, options: object) => LifeRaft) {
      write(packet: unknown, done: (error: undefined, reply: unknown) => void): void {
        nodes.get(this.address)?.emit('data', packet, (reply) => done(undefined, reply))
      }
    }
    for (const name of NAMES) nodes.set(name, new LocalNode(name, { ...TIMING, Log, path: join(directory, name) }))
    for (const [name, node] of nodes) {
      node.on('error', () => {}) // refused votes and the like
      for (const other of NAMES) if (other !== name) node.join(other)
    }
    return new LifeRaftCluster(nodes, directory, await elected(nodes, Base.LEADER))
  }

  private constructor(nodes: ReadonlyMap<string, LifeRaft>, directory: string, leader: LifeRaft) {
    this.#nodes = nodes
    this.#directory = directory
    this.#leader = leader
    leader.on('commit', ({ id }) => {
      this.#waiting.get(id)?.() // it says so more than once
      this.#waiting.delete(id)
    })
  }

  /** Resolves when the leader has committed it. */
  async command(): Promise<void> {
    const id = ++this.#lastId
    const committed = new Promise<void>((resolve) => this.#waiting.set(id, resolve))
    await this.#leader.command({ id })
    await committed
  }

  stop(): void {
    for (const node of this.#nodes.values()) node.end()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

async function elected(nodes: ReadonlyMap<string, LifeRaft>, leads: number): Promise<LifeRaft> {
  for (;;) {
    const leader = [...nodes.values()].find(({ state }) => state === leads)
    if (leader !== undefined) return leader
    await setTimeout(ELECTION_LOOK_MS)
  }
}
