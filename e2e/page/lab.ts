import { type HandlerContext, Legion, LegionError } from 'legion-mesh'
import { theatre } from '../machines/theatre.js'

/** What a test tells a page to join. */
export interface JoinOptions {
  readonly cluster: string
  readonly signaling: string
  readonly name: string
  readonly secret?: string | undefined
}

const handlers = {
  add: ({ a, b }: { a: number; b: number }) => a + b,
  bytes: (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0xff),
  callBack: async (n: number, { from, legion }: HandlerContext<Legion<typeof theatre>>) =>
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

type LabLegion = Legion<typeof theatre, typeof handlers>

/** A page's only content: a Legion, driven by the test through `globalThis.lab`. */
export class Lab {
  /** What casts brought here. */
  readonly notes = notes
  #legion: LabLegion | undefined

  get legion(): LabLegion {
    if (this.#legion === undefined) throw new Error('join first')
    return this.#legion
  }

  open(options: JoinOptions): LabLegion {
    const legion = Legion.open({ ...options, machine: theatre, handlers, logger: console })
    legion.doc() // A document is where it was opened.
    this.#legion = legion
    return legion
  }

  /** Resolves when the cluster's state is here. */
  async join(options: JoinOptions): Promise<void> {
    await this.open(options).ready
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
