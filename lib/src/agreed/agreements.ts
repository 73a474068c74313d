import * as Y from 'yjs'
import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import { type Runtime, setPeriodicTimer, type Timer } from '../base/runtime.js'
import type { Group } from '../groups/group.js'
import { Agreement, type Draft } from './agreement.js'
import { type AgreedDocumentsMachine, agreedDocuments, type Chapter } from './machine.js'

export interface AgreementsOptions {
  readonly runtime: Runtime
  readonly logger: Logger
  /** Of a command, in bytes. */
  readonly commandBytes: number
  readonly self: () => PeerId
  /** Opens the group of that name. */
  group(name: string, machine: AgreedDocumentsMachine): Promise<Group<AgreedDocumentsMachine>>
}

const GROUP = 'legion-documents'
const AGAIN_MS = 1_000
/** How often the leader looks for chapters to merge. */
const MERGE_PERIOD_MS = 2_000
/** So many chapters of one size become one of the next. */
const FAN_IN = 16
/** What a command has besides the update: names and numbers. */
const COMMAND_OVERHEAD_BYTES = 1_024

/** The agreements on documents of this peer, all in one group, which is opened with the first of them. */
export class Agreements {
  readonly #options: AgreementsOptions
  readonly #updateBytesMax: number
  #group: Promise<Group<AgreedDocumentsMachine>> | undefined
  #merging: Timer | undefined
  #isClosed = false

  constructor(options: AgreementsOptions) {
    this.#options = options
    this.#updateBytesMax = options.commandBytes - COMMAND_OVERHEAD_BYTES
  }

  open(draft: Draft): Agreement {
    const { runtime, logger } = this.#options
    const group = () => this.#openGroup()
    return new Agreement({ ...draft, runtime, logger, updateBytesMax: this.#updateBytesMax, group })
  }

  close(): void {
    this.#isClosed = true
    this.#merging?.cancel()
  }

  #openGroup(): Promise<Group<AgreedDocumentsMachine>> {
    this.#group ??= this.#waitForGroup()
    return this.#group
  }

  /** As long as it takes: who is in a hurry has a timeout of its own. */
  async #waitForGroup(): Promise<Group<AgreedDocumentsMachine>> {
    for (;;) {
      if (this.#isClosed) throw new LegionError('E_CLOSED', 'This peer was closed.', { outcome: 'not-applied' })
      try {
        const group = await this.#options.group(GROUP, agreedDocuments)
        this.#merging = setPeriodicTimer(this.#options.runtime, MERGE_PERIOD_MS, () => this.#merge(group))
        return group
      } catch (error) {
        if (!LegionError.is(error) || error.code !== 'E_TIMEOUT') throw error
        await new Promise<void>((resolve) => this.#options.runtime.setTimer(AGAIN_MS, resolve))
      }
    }
  }

  /** Keeps the number of chapters low, as a log-structured merge tree does (O'Neil et al. 1996). */
  #merge(group: Group<AgreedDocumentsMachine>): void {
    if (group.leader !== this.#options.self()) return
    for (const [name, { chapters }] of Object.entries(group.state.documents)) {
      const run = runToMerge(chapters, this.#updateBytesMax)
      if (run === undefined) continue
      const update = Y.mergeUpdates(run.map((chapter) => chapter.update))
      const [first, last] = [run[0]?.index ?? 0, run.at(-1)?.index ?? 0]
      group.applyConsistent('merge', { name, first, last, update }).catch(() => {}) // there is a next time
    }
  }
}

/** `FAN_IN` chapters one after the other that are about as large as each other, and come to at most `bytesMax`. */
function runToMerge(chapters: readonly Chapter[], bytesMax: number): readonly Chapter[] | undefined {
  for (let end = chapters.length; end >= FAN_IN; end--) {
    const run = chapters.slice(end - FAN_IN, end)
    const isEven = run.every((chapter) => levelOf(chapter) === levelOf(run[0] as Chapter))
    if (isEven && run.reduce((bytes, { update }) => bytes + update.length, 0) <= bytesMax) return run
  }
  return undefined
}

function levelOf({ changes }: Chapter): number {
  return Math.floor(Math.log(changes) / Math.log(FAN_IN) + 1e-9)
}
