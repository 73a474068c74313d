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
  /** A linked peer that has the document open does not take what is changed here: see `documents.canWrite`. */
  readonly isReadOnly: boolean
  /**
   * Resolves when what this peer had stored is in `y`, which can be changed before already; at once without storage.
   * @throws LegionError E_STORAGE: it can't be read. The document works all the same, but is not stored
   */
  readonly loaded: Promise<void>
  /**
   * Changes the document in one transaction, whose origin is this object.
   * @returns what `change` returns
   * @throws LegionError E_CLOSED; and what `change` throws: what it did before stays
   */
  applyFast<T>(change: (y: Y.Doc) => T): T
  /**
   * Resolves when all that is in the document now survives a crash of this peer. Without being asked it is on the disk
   * within about a second.
   * @throws LegionError E_STORAGE; E_CLOSED; E_UNSUPPORTED without storage
   */
  save(): Promise<void>
  on<K extends keyof DocumentEvents>(event: K, listener: DocumentEvents[K]): Unsubscribe
  /** Leaves the document and destroys `y` and `awareness`. Opening the name again begins anew. Idempotent. */
  close(): void
}

/**
 * - `loading`: what is stored here is still to come, nobody was asked yet
 * - `alone`: no linked peer has the document open, each has said so
 * - `syncing`: the answer of a linked peer is still to come
 * - `synced`: every linked peer that has it open has given what it had, since it was linked
 */
export type DocumentStatus = 'loading' | 'alone' | 'syncing' | 'synced'

export interface DocumentEvents {
  status(status: DocumentStatus): void
  /** The document changed. `from` is the peer that sent it, undefined if it was changed here. */
  update(update: Uint8Array, from: PeerId | undefined): void
  /** Of an answer, or update, that is too long for one message. It is applied as a whole when all of it is here. */
  progress(progress: DocumentProgress): void
  readOnly(isReadOnly: boolean): void
}

export interface DocumentProgress {
  readonly peer: PeerId
  readonly receivedBytes: number
  readonly totalBytes: number
}
