import type { ClusterId, PeerId } from '../base/ids.js'
import type { EpochId } from './epoch.js'

/**
 * Two states that go by one name and can't become one without losing something. Nothing is lost, documents still
 * merge; a person or the program decides, say by leaving with one side and joining the other.
 */
export interface Split {
  /** Two clusters were founded, and both have commands; or a group was recovered, and somebody has what is not in it. */
  readonly kind: 'clusters' | 'epochs'
  /** 0 is `main`. */
  readonly group: number
  readonly here: Side
  readonly there: Side
  /** Who told of it. */
  readonly peer: PeerId
}

export interface Side {
  readonly clusterId: ClusterId
  /** Of the group; undefined if it is not known. */
  readonly epoch: EpochId | undefined
}

export function isSameSplit(a: Split, b: Split): boolean {
  return (
    a.kind === b.kind &&
    a.group === b.group &&
    a.here.clusterId === b.here.clusterId &&
    a.here.epoch === b.here.epoch &&
    a.there.clusterId === b.there.clusterId &&
    a.there.epoch === b.there.epoch
  )
}
