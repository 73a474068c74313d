import { type Group, type HandlerContext, kv, Legion, LegionError } from 'legion-mesh'
import { theatre } from '../machines/theatre.js'
import { theatre2 } from '../machines/theatre-2.js'

/** What a test tells a page to join. */
export interface JoinOptions {
  readonly cluster: string
  readonly signaling: string
  readonly name: string
  readonly secret?: string | undefined
  readonly storage?: 'indexeddb' | undefined
  /** Of the theatre's code, as if the page were built with it; 1 if left out. */
  readonly version?: 1 | 2 | undefined
}

const handlers = {
  add: ({ a, b }: { a: number; b: number }) => a + b,
  bytes: (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0xff),
  callBack: async (n: number, { from, legion }: HandlerContext<Legion<typeof theatre2>>) =>
    (await legion.messages<Pick<typeof handlers, 'add'>>().call(from, 'add', { a: n, b: 1 })) * 2,
  note: (text: string, { from }: HandlerContext) => {
    notes.push({ from, text })
  },
  refuse: () => {
    throw new LegionError('E_INVALID', 'refused on purpose', { details: { why: 'test' } })
  },
  hang: () => new Promise<never>(() => {}),
}
const notes: { from: string; text: string }[] = []

type KvGroup = Group<typeof kv>

type LabLegion = Legion<typeof theatre2, typeof handlers>

/** A page's only content: a Legion, driven by the test through `globalThis.lab`. */
export class Lab {
  /** What casts brought here. */
  readonly notes = notes
  /** Codes of the `outdated` and `error` events so far. */
  readonly told: string[] = []
  readonly groups = new Map<string, KvGroup>()
  #legion: LabLegion | undefined

  get legion(): LabLegion {
    if (this.#legion === undefined) throw new Error('join first')
    return this.#legion
  }

  open({ version, ...options }: JoinOptions): LabLegion {
    const machine = (version === 2 ? theatre2 : theatre) as typeof theatre2
    const legion = Legion.open({ ...options, machine, handlers, logger: console })
    legion.doc() // A document is where it was opened.
    legion.on('outdated', ({ code }) => this.told.push(code))
    legion.on('error', ({ code }) => this.told.push(code))
    this.#legion = legion
    return legion
  }

  /** Resolves when the cluster's state is here. */
  async join(options: JoinOptions): Promise<void> {
    await this.open(options).ready
  }

  /** Opens groups of these names besides `main`, in which `kv` runs. */
  async openGroups(names: readonly string[]): Promise<void> {
    for (const name of names) this.groups.set(name, await this.legion.group(name, kv))
  }

  /** The text that peers write together. */
  get text(): string {
    return this.legion.doc().y.getText('notes').toString()
  }

  get peerNames(): string[] {
    return [...this.legion.peers.values()].map(({ info }) => info.name).sort()
  }

  get memberNames(): string[] {
    return this.legion.members.map(({ name }) => name).sort()
  }

  get voterNames(): string[] {
    const voters = this.legion.members.filter(({ role }) => role === 'voter')
    return voters.map(({ name }) => name).sort()
  }

  get seats(): Readonly<Record<string, string>> {
    return this.legion.state.seats
  }

  /** The Legion's status as text. */
  describe(): string {
    const toText = (_: string, value: unknown) => {
      if (value instanceof Map) return Object.fromEntries(value)
      return typeof value === 'bigint' ? String(value) : value
    }
    return JSON.stringify({ members: this.legion.members, ...this.legion.status() }, toText)
  }

  /** What a worker says of the imports in worker.ts. */
  importInWorker(): Promise<unknown> {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data)
      worker.onerror = ({ message }) => reject(new Error(message))
    })
  }

  /** Resolves when a link ends. */
  peerLeft(): Promise<void> {
    return new Promise((resolve) => {
      const unsubscribe = this.legion.on('peerLeft', () => {
        unsubscribe()
        resolve()
      })
    })
  }
}

declare global {
  var lab: Lab
}

globalThis.lab = new Lab()
