import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { PutRate } from '../peer/etcd-tasks.js'
import type { PeerProcess } from './peer-process.js'

const MEMBERS = 3
const START_TIMEOUT_MS = 30_000
const POLL_MS = 100

interface Member {
  readonly name: string
  readonly clientPort: number
  readonly peerPort: number
}

/** Three etcd processes on this machine, with etcd's defaults: every write is synced. */
export class Etcd {
  readonly #members: readonly Member[]
  readonly #children: readonly ChildProcess[]

  static async start(directory: string): Promise<Etcd> {
    await mkdir(directory, { recursive: true })
    const ports = await freePorts(MEMBERS * 2)
    const members = Array.from({ length: MEMBERS }, (_, i) => ({
      name: `etcd-${i + 1}`,
      clientPort: ports[i] ?? 0,
      peerPort: ports[MEMBERS + i] ?? 0,
    }))
    return new Etcd(members, directory)
  }

  private constructor(members: readonly Member[], directory: string) {
    this.#members = members
    this.#children = members.map((member) => startMember(member, members, directory))
  }

  /** Resolves when the client has found the leader. */
  async connect(process: PeerProcess): Promise<EtcdClient> {
    const ports = this.#members.map(({ clientPort }) => clientPort)
    for (const endMs = Date.now() + START_TIMEOUT_MS; ; await setTimeout(POLL_MS)) {
      try {
        await process.ask('etcdConnect', ports)
        return new EtcdClient(process)
      } catch (error) {
        if (Date.now() > endMs) throw error
      }
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map(stopChild))
  }
}

/** A process that speaks to etcd's leader. */
export class EtcdClient {
  readonly #process: PeerProcess

  constructor(process: PeerProcess) {
    this.#process = process
  }

  putRate(sizeBytes: number, inFlight: number, durationMs: number): Promise<PutRate> {
    return this.#process.ask('etcdPutRate', sizeBytes, inFlight, durationMs)
  }
}

function startMember(member: Member, members: readonly Member[], directory: string): ChildProcess {
  const { name, clientPort, peerPort } = member
  const options = {
    name,
    'data-dir': join(directory, name),
    'listen-client-urls': urlOf(clientPort),
    'advertise-client-urls': urlOf(clientPort),
    'listen-peer-urls': urlOf(peerPort),
    'initial-advertise-peer-urls': urlOf(peerPort),
    'initial-cluster': members.map((each) => `${each.name}=${urlOf(each.peerPort)}`).join(','),
    logger: 'zap',
    'log-level': 'error',
  }
  const args = Object.entries(options).map(([option, value]) => `--${option}=${value}`)
  // Whatever it prints goes where errors go: standard output is for results.
  return spawn('etcd', args, { stdio: ['ignore', 2, 2] })
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' ? (address?.port ?? 0) : 0
  })
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}
