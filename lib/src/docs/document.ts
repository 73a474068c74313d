import type { Awareness } from 'y-protocols/awareness'
import type * as Y from 'yjs'
import type { Unsubscribe } from '../base/emitter.js'
import type { PeerId } from '../base/ids.js'

/**
 * A Yjs document that every peer which opens it under the same name shares. Changes land here at once and reach the
 * others when there is a way; every peer converges to the same content.
 */
export interface LegionDocument {
  readonly name: string
  /** Binds to editors as any Yjs document does. Destroying it closes this. */
  readonly y: Y.Doc
  /** Cursors, names, whatever is true only while a peer is here. */
  readonly awareness: Awareness
  readonly status: DocumentStatus
  /**
   * Changes the document in one transaction, whose origin is this object.
   * @returns what `change` returns
   * @throws LegionError E_CLOSED; and what `change` throws: what it did before stays
   */
  applyFast<T>(change: (y: Y.Doc) => T): T
  on<K extends keyof DocumentEvents>(event: K, listener: DocumentEvents[K]): Unsubscribe
  /** Leaves the document and destroys `y` and `awareness`. Opening the name again begins anew. Idempotent. */
  close(): void
}

/**
 * - `alone`: no linked peer has the document open, each has said so
 * - `syncing`: the answer of a linked peer is still to come
 * - `synced`: every linked peer that has it open has given what it had, since it was linked
 */
export type DocumentStatus = 'alone' | 'syncing' | 'synced'

export interface DocumentEvents {
  status(status: DocumentStatus): void
  /** The document changed. `from` is the peer that sent it, undefined if it was changed here. */
  update(update: Uint8Array, from: PeerId | undefined): void
}
