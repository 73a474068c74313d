import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { LabTab } from '../harness/tab.js'
import type { Lab } from '../page/lab.js'
import type { Host } from './virtual-network.js'

/** What a test asks of a peer, by name; each takes at most one argument. */
export interface LabCalls {
  write(words: string): void
  reserve(seat: string): { ok: boolean }
  text(): string
  seats(): Readonly<Record<string, string>>
  voterNames(): string[]
  /** Of every other peer that it knows, by id. */
  states(): Record<string, string>
  /** Codes of what went wrong, with the sentences if it is a process. */
  errors(): string[]
}

type Call = keyof LabCalls

/** A peer on a machine of the virtual network: a tab or a process. */
export interface NetworkPeer {
  readonly host: Host
  readonly name: string
  readonly id: string
  readonly log: readonly string[]
  ask<K extends Call>(name: K, ...args: Parameters<LabCalls[K]>): Promise<ReturnType<LabCalls[K]>>
  /** How it is, for the log. */
  describe(): Promise<string>
}

/** Resolves when `condition` holds for what the peer answers, asked again and again. */
export async function until<K extends Exclude<Call, 'write' | 'reserve'>>(
  peer: NetworkPeer,
  name: K,
  condition: (answer: ReturnType<LabCalls[K]>) => boolean,
): Promise<void> {
  const ask = peer.ask as (name: K) => Promise<ReturnType<LabCalls[K]>>
  while (!condition(await ask.call(peer, name))) await new Promise((resolve) => setTimeout(resolve, 25))
}

export class TabPeer implements NetworkPeer {
  readonly host: Host
  readonly id: string
  readonly #tab: LabTab

  static async join(host: Host, tab: LabTab): Promise<TabPeer> {
    await tab.join()
    return new TabPeer(host, tab, await tab.id)
  }

  private constructor(host: Host, tab: LabTab, id: string) {
    this.host = host
    this.#tab = tab
    this.id = id
  }

  get name(): string {
    return this.#tab.name
  }

  get log(): readonly string[] {
    return this.#tab.log
  }

  ask<K extends Call>(name: K, ...args: Parameters<LabCalls[K]>): Promise<ReturnType<LabCalls[K]>>
  ask(name: Call, argument?: string): Promise<unknown> {
    return this.#tab.page.evaluate(answerInPage, { name, argument })
  }

  describe(): Promise<string> {
    return this.#tab.page.evaluate(() => lab.describe())
  }
}

/** Runs in the page. */
async function answerInPage({ name, argument = '' }: { name: Call; argument?: string | undefined }): Promise<unknown> {
  const { legion }: Pick<Lab, 'legion'> = lab
  switch (name) {
    case 'write':
      return legion.applyFast((doc) => doc.getText('notes').insert(doc.getText('notes').length, argument))
    case 'reserve':
      return legion.applyConsistent('reserve', argument)
    case 'states':
      return Object.fromEntries(Object.entries(legion.status().mesh.peers).map(([id, { state }]) => [id, state]))
    case 'errors':
      return lab.told
    default:
      return lab[name]
  }
}

export interface ProcessPeerOptions {
  readonly cluster: string
  readonly signaling: string
  readonly name: string
  readonly webrtc: 'node-datachannel' | '@roamhq/wrtc'
}

export class ProcessPeer implements NetworkPeer {
  readonly host: Host
  readonly name: string
  readonly log: string[] = []
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (answer: { value: unknown; problem?: string }) => void>()
  #calls = 0
  #id = ''

  /** @param program the script that runs a lab program on the host */
  static async open(host: Host, program: string, options: ProcessPeerOptions): Promise<ProcessPeer> {
    const peer = new ProcessPeer(host, program, options)
    peer.#id = String(await peer.#call('id'))
    return peer
  }

  private constructor(host: Host, program: string, options: ProcessPeerOptions) {
    this.host = host
    this.name = options.name
    this.#child = spawn(program, [JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'pipe'] })
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      if (output !== null) createInterface({ input: output }).on('line', (line) => this.#heard(line))
    }
    this.#child.on('close', () => this.#over())
  }

  get id(): string {
    return this.#id
  }

  ask<K extends Call>(name: K, ...args: Parameters<LabCalls[K]>): Promise<ReturnType<LabCalls[K]>>
  ask(name: Call, argument?: string): Promise<unknown> {
    return this.#call(name, argument)
  }

  /** Resolves when the cluster's state is here. */
  async ready(): Promise<void> {
    await this.#call('ready')
  }

  async describe(): Promise<string> {
    return String(await this.#call('describe'))
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'close')
  }

  async #call(name: Call | 'id' | 'ready' | 'describe', argument?: string): Promise<unknown> {
    const id = ++this.#calls
    this.#child.stdin?.write(`${JSON.stringify({ id, name, argument })}\n`)
    const { value, problem } = await new Promise<{ value: unknown; problem?: string }>((resolve) => {
      this.#waiting.set(id, resolve)
    })
    if (problem !== undefined) throw new Error(`${this.name}: ${problem}`)
    return value
  }

  #heard(line: string): void {
    if (!line.startsWith('{"id"')) {
      this.log.push(`${Date.now()} ${this.name} ${line}`)
      return
    }
    const { id, ...answer } = JSON.parse(line)
    this.#waiting.get(id)?.(answer)
    this.#waiting.delete(id)
  }

  #over(): void {
    const problem = `the process ended: ${this.log.slice(-3).join('; ')}`
    for (const resolve of this.#waiting.values()) resolve({ value: undefined, problem })
    this.#waiting.clear()
  }
}
