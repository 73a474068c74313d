import * as Y from 'yjs'
import { DecodeError } from '../codec/decode.js'

/**
 * Yjs updates, all in the v1 format.
 *
 * `Y.applyUpdate` trusts its input: it allocates what a count claims, integrates structs before it has read the
 * deletions, and empty ranges, overlapping deletions or a struct that refers to a later one of its own client make this
 * update or a later, valid one throw in the middle. So updates of others are read completely and checked first; measured, that adds a quarter to the cost
 * of applying small ones and half to that of large ones.
 * @throws DecodeError
 */
export function checkUpdate(update: Uint8Array): UpdateContent {
  const content = decode(update)
  for (const struct of content.structs) {
    checkRange(struct.id.clock, struct.length)
    if (struct instanceof Y.Item) checkReferences(struct)
  }
  for (const deletions of content.ds.clients.values()) checkDeletions(deletions)
  return content
}

export type UpdateContent = ReturnType<typeof Y.decodeUpdate>

/**
 * Whether the document has all of an update. Where many pass on what is new, most of what comes is not, and to see that
 * spares a transaction.
 */
export function isKnown(y: Y.Doc, { structs, ds }: UpdateContent): boolean {
  for (const { id, length } of structs) if (id.clock + length > Y.getState(y.store, id.client)) return false
  for (const [client, deletions] of ds.clients) {
    for (const { clock, len } of deletions) if (!isDeleted(y, client, clock, clock + len)) return false
  }
  return true
}

/**
 * Applies a checked update in one transaction.
 * @throws DecodeError if Yjs can't integrate it. Whatever observers of the document throw comes as it is, after all of
 *   the update is in.
 */
export function applyChecked(y: Y.Doc, update: Uint8Array, origin: unknown): void {
  integrate(y, origin, () => Y.applyUpdate(y, update, origin))
}

/**
 * Does `work`, which applies updates, in one transaction.
 * @throws DecodeError if `work` throws; whatever observers throw, as it is
 */
export function integrate(y: Y.Doc, origin: unknown, work: () => void): void {
  let problem: DecodeError | undefined
  // Nested, so that what integration throws and what observers throw after it can be told apart.
  const guarded = () => {
    try {
      work()
    } catch (cause) {
      problem = new DecodeError('Yjs can not integrate the update', { cause })
    }
  }
  try {
    Y.transact(y, guarded, origin, false)
  } finally {
    // biome-ignore lint/correctness/noUnsafeFinally: hides only what observers said about a refused update.
    if (problem !== undefined) throw problem
  }
}

/** Bytes of what waits for updates that have not come. */
export function pendingBytes(y: Y.Doc): number {
  return (y.store.pendingStructs?.update.length ?? 0) + (y.store.pendingDs?.length ?? 0)
}

/**
 * @returns whether anything that waits now is in the document by the time it is asked. Of deletions Yjs does not tell:
 *   they count as if.
 */
export function watchPending(y: Y.Doc): () => boolean {
  const { pendingStructs, pendingDs } = y.store
  return () => pendingDs !== null || (pendingStructs !== null && pendingStructs !== y.store.pendingStructs)
}

/** Forgets what waits: it comes again with the next exchange of state vectors. */
export function dropPending(y: Y.Doc): void {
  y.store.pendingStructs = null
  y.store.pendingDs = null
}

function isDeleted(y: Y.Doc, client: number, from: number, to: number): boolean {
  if (to > Y.getState(y.store, client)) return false
  const structs = y.store.clients.get(client) ?? []
  for (let i = Y.findIndexSS(structs, from); i < structs.length; i++) {
    const struct = structs[i]
    if (struct === undefined || struct.id.clock >= to) break
    if (!struct.deleted) return false
  }
  return true
}

function decode(update: Uint8Array): UpdateContent {
  try {
    return Y.decodeUpdate(update)
  } catch (cause) {
    throw new DecodeError('not a Yjs update', { cause })
  }
}

function checkRange(clock: number, length: number): void {
  if (length > 0 && clock + length <= Number.MAX_SAFE_INTEGER) return
  throw new DecodeError(`a range of length ${length} at clock ${clock}`)
}

/** In order and apart, as Yjs writes them; what it makes of others while they wait, it can't read again. */
function checkDeletions(deletions: readonly { readonly clock: number; readonly len: number }[]): void {
  let end = 0
  for (const { clock, len } of deletions) {
    checkRange(clock, len)
    if (clock < end) throw new DecodeError(`deletions overlap at clock ${clock}`)
    end = clock + len
  }
}

/** Structs refer to earlier ones of their own client only. */
function checkReferences(item: Y.Item): void {
  const parent = item.parent instanceof Y.ID ? item.parent : null
  for (const reference of [item.origin, item.rightOrigin, parent]) {
    if (reference?.client === item.id.client && reference.clock >= item.id.clock) {
      throw new DecodeError(`the struct at ${item.id.client}:${item.id.clock} refers to ${reference.clock}`)
    }
  }
}
