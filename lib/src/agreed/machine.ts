import type { PeerId } from '../base/ids.js'
import { defineMachine } from '../machines/define-machine.js'
import type { Frozen } from '../machines/types.js'

/** A piece of a document's history: one change, or several that follow each other, merged. */
export interface Chapter {
  /** Where in the log the last change of it stands. */
  readonly index: number
  /** How many changes it has. */
  readonly changes: number
  /** Of Yjs, in v1. */
  readonly update: Uint8Array
}

interface AgreedRecord {
  /** In the order of the log. */
  chapters: Chapter[]
  /** Whose changes were refused, the first of whom is the next one. */
  queue: Turn[]
}

interface Turn {
  readonly peer: PeerId
  /** In log time; from then on others need not wait for it. */
  readonly untilMs: number
}

export interface AgreedState {
  documents: Record<string, AgreedRecord>
}

export interface AgreedChange {
  readonly name: string
  /** The index of the last change of the state that it was made on; undefined: any, it merges with whatever there is. */
  readonly base?: number | undefined
  readonly update: Uint8Array
}

export interface AgreedMerge {
  readonly name: string
  /** The `index` of the first and the last of the chapters that become one. */
  readonly first: number
  readonly last: number
  /** What they come to. */
  readonly update: Uint8Array
}

/** How long others wait for who is next, in log time: a few rounds of a slow network. */
const TURN_MS = 1_000
const QUEUE_MAX = 64
const NO_CHAPTERS: readonly Chapter[] = []

/**
 * What is agreed of all documents of a cluster: their updates, in one order. Of updates it understands nothing, so
 * that peers with different releases of Yjs never differ: whoever merges some says in the log what they come to.
 */
export const agreedDocuments = defineMachine({
  name: 'legion-documents',
  version: 1,
  initial: (): AgreedState => ({ documents: {} }),
  commands: {
    /**
     * Adds a change if nothing has changed since its base, and nobody else is next. Whoever is refused gets in line:
     * so a change that meets others has its turn, however fast the others are.
     */
    change(state, { name, base, update }: AgreedChange, { from, index, timestampMs }) {
      if (!Object.hasOwn(state.documents, name)) state.documents[name] = { chapters: [], queue: [] }
      const record = state.documents[name] as AgreedRecord
      if (base !== undefined) {
        record.queue = record.queue.filter(({ untilMs }) => untilMs > timestampMs)
        const ahead = peersAhead(record, from)
        if (ahead > 0 || base !== lastIndex(record.chapters))
          return { ok: false, ahead: enqueue(record, from, timestampMs) }
        record.queue = record.queue.filter(({ peer }) => peer !== from)
      }
      record.chapters.push({ index, changes: 1, update })
      return { ok: true }
    },

    /** Makes several chapters one; in vain if they are not there any more. */
    merge(state, { name, first, last, update }: AgreedMerge) {
      if (!Object.hasOwn(state.documents, name)) return
      const { chapters } = state.documents[name] as AgreedRecord
      const from = chapters.findIndex(({ index }) => index === first)
      const to = chapters.findIndex(({ index }) => index === last)
      if (from < 0 || to <= from) return
      const changes = chapters.slice(from, to + 1).reduce((sum, chapter) => sum + chapter.changes, 0)
      chapters.splice(from, to - from + 1, { index: last, changes, update })
    },
  },
  queries: {
    /** Where in the log the last change of the document stands; 0: there is none. */
    lastIndex: ({ documents }, name: string) => lastIndex(chaptersOf(documents, name)),
  },
})

export type AgreedDocumentsMachine = typeof agreedDocuments

/** Of a document, in the order of the log; the same list as long as nothing changes. */
export function chaptersOf(documents: Frozen<AgreedState['documents']>, name: string): readonly Chapter[] {
  return (Object.hasOwn(documents, name) ? documents[name]?.chapters : undefined) ?? NO_CHAPTERS
}

/** Of the document; 0 if nothing was agreed yet. */
export function lastIndex(chapters: readonly Pick<Chapter, 'index'>[]): number {
  return chapters.at(-1)?.index ?? 0
}

function peersAhead({ queue }: AgreedRecord, from: PeerId): number {
  const place = queue.findIndex(({ peer }) => peer === from)
  return place < 0 ? queue.length : place
}

/** @returns how many come before it; who is in line already keeps its place, and has time again */
function enqueue(record: AgreedRecord, peer: PeerId, timestampMs: number): number {
  const ahead = peersAhead(record, peer)
  if (ahead < QUEUE_MAX) record.queue[ahead] = { peer, untilMs: timestampMs + TURN_MS * (ahead + 1) }
  return ahead
}
