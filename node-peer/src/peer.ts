import type { Server } from 'node:http'
import { type GroupMember, kv, Legion, type PeerId, type PeerInfo, type PeerLeftReason } from 'legion-mesh'
import type { AnyMachine } from 'legion-mesh/machines'
import { nodePlatform } from 'legion-mesh/node'
import { portOf, serveStatus } from './http.js'
import { loadMachine } from './load-machine.js'
import { type Log, libraryLogger } from './log.js'
import type { Settings } from './settings.js'

/** One member of a cluster that tells in a log what happens to it. */
export class Peer {
  readonly #legion: Legion<AnyMachine>
  readonly #log: Log
  readonly #linkedNames = new Map<PeerId, string>()
  #server: Server | undefined
  #role: GroupMember['role'] | undefined

  /**
   * Opens the peer; the state comes later, see `ready`.
   * @throws Error, often a LegionError, with a sentence for people; nothing is left open then
   */
  static async open(settings: Settings, log: Log): Promise<Peer> {
    const machine = settings.machine === undefined ? kv : await loadMachine(settings.machine)
    const platform = await nodePlatform({ webrtc: settings.webrtc })
    const legion = Legion.open<AnyMachine>({ ...settings, machine, platform, logger: libraryLogger(log) })
    const { id, name, stack } = legion.self
    log('open', { cluster: settings.cluster, peer: id, name, stack, machine: machine.name, version: machine.version })
    const peer = new Peer(legion, log)
    if (settings.httpPort !== undefined) await peer.#serve(settings.httpPort)
    return peer
  }

  private constructor(legion: Legion<AnyMachine>, log: Log) {
    this.#legion = legion
    this.#log = log
    legion.doc() // this peer keeps what is open here
    this.#subscribe()
  }

  /** Resolves when the cluster's state is here. @throws LegionError E_MACHINE, E_OUTDATED, E_CLOSED */
  async ready(): Promise<void> {
    await this.#legion.ready
    this.#role = this.#roleIn(this.#legion.members)
    this.#log('ready', { role: this.#role, leader: this.#nameOf(this.#legion.leader), members: this.#memberNames() })
  }

  /** Hands over what it leads and closes. */
  async close(): Promise<void> {
    this.#server?.close()
    this.#server?.closeAllConnections()
    await this.#legion.close()
    this.#log('closed')
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
    legion.on('error', ({ code, message }) => this.#log('error', { code, message }))
  }

  #peerJoined({ id, name, kind, stack }: PeerInfo): void {
    this.#linkedNames.set(id, name)
    this.#log('peer-joined', { peer: id, name, kind, stack })
  }

  #peerLeft(peer: PeerId, reason: PeerLeftReason): void {
    this.#log('peer-left', { peer, name: this.#nameOf(peer), reason })
    this.#linkedNames.delete(peer)
  }

  async #serve(port: number): Promise<void> {
    const source = {
      isHealthy: () => this.#legion.status().isReady && this.#legion.leader !== undefined,
      status: () => ({ ...this.#legion.status(), members: this.#legion.members }),
    }
    try {
      this.#server = await serveStatus(port, source)
    } catch (error) {
      await this.close()
      throw error
    }
    this.#log('http', { port: portOf(this.#server) })
  }

  /** Roles before `ready` are told by it. */
  #tellRole(members: readonly GroupMember[]): void {
    const role = this.#roleIn(members)
    if (this.#role === undefined || role === this.#role) return
    this.#role = role
    this.#log('role', { role, members: this.#memberNames() })
  }

  #roleIn(members: readonly GroupMember[]): GroupMember['role'] | undefined {
    return members.find(({ peer }) => peer === this.#legion.self.id)?.role
  }

  #nameOf(peer: PeerId | undefined): string | undefined {
    if (peer === undefined) return undefined
    if (peer === this.#legion.self.id) return this.#legion.self.name
    return this.#linkedNames.get(peer) ?? this.#legion.members.find((member) => member.peer === peer)?.name
  }

  #memberNames(): string[] {
    return this.#legion.members.map(({ name }) => name)
  }
}
