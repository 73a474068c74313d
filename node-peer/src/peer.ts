import type { Server } from 'node:http'
import {
  type Group,
  type GroupMember,
  kv,
  Legion,
  LegionError,
  type PeerId,
  type PeerInfo,
  type PeerLeftReason,
} from 'legion-mesh'
import type { AnyMachine } from 'legion-mesh/machines'
import { nodePlatform } from 'legion-mesh/node'
import { healthAnswer, jsonAnswer, portOf, type Routes, serve } from './http.js'
import { loadMachine } from './load-machine.js'
import { type Log, libraryLogger } from './log.js'
import { Prometheus } from './prometheus.js'
import type { Settings } from './settings.js'

type AnyGroup = Group<AnyMachine>

/** One member of a cluster, and of its groups, that tells in a log what happens to it. */
export class Peer {
  /** Rejects when the replica of a group stops here for good. */
  readonly failed: Promise<never>
  readonly #legion: Legion<AnyMachine>
  readonly #log: Log
  readonly #machines: ReadonlyMap<string, AnyMachine>
  readonly #groups: AnyGroup[] = []
  readonly #servers: Server[] = []
  readonly #linkedNames = new Map<PeerId, string>()
  readonly #fail: (error: LegionError) => void
  #role: GroupMember['role'] | undefined
  #isClosed = false

  /**
   * Opens the peer; the state comes later, see `ready`.
   * @throws Error, often a LegionError, with a sentence for people; nothing is left open then
   */
  static async open(settings: Settings, log: Log): Promise<Peer> {
    const { cluster, signaling, secret, name, canVote, voters, directory, webrtc } = settings
    const machine = settings.machine === undefined ? kv : await loadMachine(settings.machine)
    const machines = new Map<string, AnyMachine>()
    for (const group of settings.groups) machines.set(group.name, await loadMachine(group.machine))
    const platform = await nodePlatform({ webrtc, directory })
    const logger = libraryLogger(log)
    const documents = { keep: settings.keepsDocuments ? 'all' : 'opened' } as const
    const options = { cluster, signaling, secret, name, canVote, voters, machine, documents, platform, logger }
    const peer = new Peer(Legion.open<AnyMachine>(options), machines, log)
    const opened = () => peer.#tellOpened(machine, directory)
    if (directory === undefined) opened()
    else peer.#legion.on('self', opened)
    if (settings.recover) peer.#legion.ready.then(() => peer.#recover()).catch(peer.#fail)
    await peer.#serveAll(settings)
    return peer
  }

  private constructor(legion: Legion<AnyMachine>, machines: ReadonlyMap<string, AnyMachine>, log: Log) {
    this.#legion = legion
    this.#machines = machines
    this.#log = log
    let fail: (error: LegionError) => void = () => {}
    this.failed = new Promise((_, reject) => {
      fail = reject
    })
    this.failed.catch(() => {}) // for whom `ready` is enough
    this.#fail = fail
    legion.doc() // this peer keeps what is open here
    this.#subscribe()
  }

  /**
   * Resolves when the state of the cluster, and of all groups, is here.
   * @throws LegionError E_STORAGE_LOCKED, E_STORAGE, E_MACHINE, E_OUTDATED, E_CLOSED
   */
  async ready(): Promise<void> {
    await this.#legion.ready
    this.#role = this.#roleIn(this.#legion.members)
    const { self, leader, members } = this.#legion
    this.#log('ready', { peer: self.id, role: this.#role, leader: this.#nameOf(leader), members: namesOf(members) })
    await Promise.all([...this.#machines].map(([name, machine]) => this.#openGroup(name, machine)))
  }

  /** Hands over what it leads and closes. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const server of this.#servers) {
      server.close()
      server.closeAllConnections()
    }
    await this.#legion.close()
    this.#log('closed')
  }

  /** It waits for as long as it takes until others are there who have the group. */
  async #openGroup(name: string, machine: AnyMachine): Promise<void> {
    while (!this.#isClosed) {
      try {
        const group = await this.#legion.group(name, machine)
        group.on('failed', this.#fail)
        this.#groups.push(group)
        this.#log('group', { name, machine: machine.name, members: namesOf(group.members) })
        return
      } catch (error) {
        if (!LegionError.is(error) || error.code !== 'E_TIMEOUT') throw error
        this.#log('warn', { message: error.message })
      }
    }
  }

  /** Nothing happens to a cluster that has a leader, or a majority of its voters. */
  async #recover(): Promise<void> {
    try {
      this.#log('recovered', { ...(await this.#legion.recover()) })
    } catch (error) {
      if (!LegionError.is(error) || error.code !== 'E_INVALID') throw error
      this.#log('warn', { message: error.message })
    }
  }

  #subscribe(): void {
    const legion = this.#legion
    legion.on('leader', (peer) =>
      this.#log('leader', { peer, name: this.#nameOf(peer), isSelf: peer === legion.self.id }),
    )
    legion.on('quorum', (has) => this.#log('quorum', { has }))
    legion.on('members', (members) => this.#tellRole(members))
    legion.on('peerJoined', (info) => this.#peerJoined(info))
    legion.on('peerLeft', (peer, reason) => this.#peerLeft(peer, reason))
    legion.on('signaling', (status, problem) => this.#log('signaling', { status, problem }))
    legion.on('split', (split) => this.#log('split', { ...split }))
    legion.on('outdated', ({ code, message }) => this.#log('outdated', { code, message }))
    legion.on('error', ({ code, message }) => this.#log('error', { code, message }))
    legion.main.on('failed', this.#fail)
  }

  #peerJoined({ id, name, kind, stack }: PeerInfo): void {
    this.#linkedNames.set(id, name)
    this.#log('peer-joined', { peer: id, name, kind, stack })
  }

  #peerLeft(peer: PeerId, reason: PeerLeftReason): void {
    this.#log('peer-left', { peer, name: this.#nameOf(peer), reason })
    this.#linkedNames.delete(peer)
  }

  // --- http

  async #serveAll({ httpPort, metricsPort }: Settings): Promise<void> {
    const status = () => jsonAnswer({ ...this.#legion.status(), members: this.#legion.members })
    try {
      if (httpPort !== undefined) await this.#serve('http', httpPort, { '/status': status })
      if (metricsPort === undefined) return
      const prometheus = new Prometheus(() => this.#legion.metrics())
      await this.#serve('metrics', metricsPort, { '/metrics': () => prometheus.answer() })
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async #serve(event: string, port: number, routes: Routes): Promise<void> {
    const server = await serve(port, { ...routes, '/healthz': () => healthAnswer(this.#isHealthy()) })
    this.#servers.push(server)
    this.#log(event, { port: portOf(server) })
  }

  /** It can serve: all states are here, leaders are known, nothing stopped. */
  #isHealthy(): boolean {
    const all = [this.#legion.main, ...this.#groups]
    const isComplete = this.#legion.status().isReady && this.#groups.length === this.#machines.size
    return isComplete && all.every((group) => group.leader !== undefined && group.status()?.stopped === undefined)
  }

  // --- what it tells

  #tellOpened({ name: machine, version }: AnyMachine, directory: string | undefined): void {
    const { self, cluster } = this.#legion
    const { id: peer, name, stack } = self
    this.#log('open', { cluster: cluster.name, peer, name, stack, machine, version, directory })
  }

  /** Roles before `ready` are told by it. */
  #tellRole(members: readonly GroupMember[]): void {
    const role = this.#roleIn(members)
    if (this.#role === undefined || role === this.#role) return
    this.#role = role
    this.#log('role', { role, members: namesOf(members) })
  }

  #roleIn(members: readonly GroupMember[]): GroupMember['role'] | undefined {
    return members.find(({ peer }) => peer === this.#legion.self.id)?.role
  }

  #nameOf(peer: PeerId | undefined): string | undefined {
    if (peer === undefined) return undefined
    if (peer === this.#legion.self.id) return this.#legion.self.name
    return this.#linkedNames.get(peer) ?? this.#legion.members.find((member) => member.peer === peer)?.name
  }
}

function namesOf(members: readonly GroupMember[]): string[] {
  return members.map(({ name }) => name)
}
