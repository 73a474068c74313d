import type { VoterId } from './types.js'

/** A change of the configuration, proposed and committed like any entry, in effect when applied. */
export interface ConfigChange {
  /**
   * `auto`: one change is made directly, several, and one that takes the vote of a member with data when there is a
   * witness, through a joint configuration that the leader leaves by itself.
   * `implicit`: always joint, left by the leader itself. `explicit`: always joint, left by `leaveJoint`.
   */
  readonly transition: Transition
  /** Made in this order. Empty with `auto`: leaves the joint configuration. */
  readonly changes: readonly MemberChange[]
  /** The proposer's own, opaque. */
  readonly context: Uint8Array
}

export type Transition = 'auto' | 'implicit' | 'explicit'

export interface MemberChange {
  readonly type: MemberChangeType
  readonly id: VoterId
}

/** `add-…` also changes the role of a member, except that a witness, having no data, stays one until removed. */
export type MemberChangeType = 'add-voter' | 'add-learner' | 'add-witness' | 'remove'

const TRANSITIONS: readonly Transition[] = ['auto', 'implicit', 'explicit']
const TYPES: readonly MemberChangeType[] = ['add-voter', 'add-learner', 'add-witness', 'remove']
const NO_BYTES = new Uint8Array(0)
const MAX_ID_BYTES = 255
const MAX_CHANGES = 255

/** Leaves a joint configuration that was entered explicitly. */
export const leaveJoint: ConfigChange = { transition: 'auto', changes: [], context: NO_BYTES }

/** True if `change` leaves a joint configuration instead of entering one. */
export function leavesJoint(change: ConfigChange): boolean {
  return change.transition === 'auto' && change.changes.length === 0
}

/** True if `change` makes any configuration joint. */
export function entersJoint(change: ConfigChange): boolean {
  return change.transition !== 'auto' || change.changes.length > 1
}

/**
 * The bytes of a `config` entry. Format: transition (1 byte), number of changes (1 byte), each change as type (1 byte),
 * length of the id (1 byte) and id (UTF-8); the rest is the context. `leaveJoint` is no bytes at all.
 * @returns undefined if there are more than 255 changes or an id of no or more than 255 bytes
 */
export function encodeConfigChange(change: ConfigChange): Uint8Array | undefined {
  if (leavesJoint(change) && change.context.length === 0) return NO_BYTES
  const ids = change.changes.map((each) => new TextEncoder().encode(each.id))
  if (ids.length > MAX_CHANGES || !ids.every((id) => id.length > 0 && id.length <= MAX_ID_BYTES)) return undefined
  const head = [TRANSITIONS.indexOf(change.transition), ids.length]
  change.changes.forEach((each, i) => {
    const id = ids[i] ?? NO_BYTES
    head.push(TYPES.indexOf(each.type), id.length, ...id)
  })
  const bytes = new Uint8Array(head.length + change.context.length)
  bytes.set(head)
  bytes.set(change.context, head.length)
  return bytes
}

/** The inverse of `encodeConfigChange`; undefined for anything else. */
export function decodeConfigChange(bytes: Uint8Array): ConfigChange | undefined {
  if (bytes.length === 0) return leaveJoint
  const transition = TRANSITIONS[bytes[0] ?? -1]
  let remaining = bytes[1]
  if (transition === undefined || remaining === undefined) return undefined
  const changes: MemberChange[] = []
  let offset = 2
  for (; remaining > 0; remaining--) {
    const type = TYPES[bytes[offset] ?? -1]
    const end = offset + 2 + (bytes[offset + 1] ?? 0)
    const id = decodeId(bytes, offset + 2, end)
    if (type === undefined || id === undefined) return undefined
    changes.push({ type, id })
    offset = end
  }
  const change = { transition, changes, context: bytes.slice(offset) }
  return leavesJoint(change) && change.context.length === 0 ? undefined : change // that is no bytes at all
}

function decodeId(bytes: Uint8Array, start: number, end: number): VoterId | undefined {
  if (end <= start || end > bytes.length) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(start, end)) as VoterId
  } catch {
    return undefined
  }
}
