import type { PeerId } from '../base/ids.js'
import { DecodeError } from '../codec/decode.js'
import type { Message } from '../raft/index.js'
import type { Store } from '../storage/storage.js'
import { decodeMessage, encodeMessage } from './raft-codec.js'
import { incarnationOf } from './voter-id.js'

/** The vote of a replica that ended, which another one of its host takes over from its store. */
export type Gift = Message & { readonly type: 'goodbye' }

/**
 * The last gift made of what the store has of the group. The incarnation that was given away may never act again,
 * whether anybody adopted it or not: whoever opens the store begins with the next one. So it is never deleted.
 * @param owner whose store it is
 */
export async function readGift(store: Store, group: number, owner: PeerId): Promise<Gift | undefined> {
  const bytes = await store.get(keyOf(group))
  if (bytes === undefined) return undefined
  const message = decodeMessage(bytes, owner, owner)
  if (message.type !== 'goodbye') throw new DecodeError(`a gift can't be a message of type ${message.type}`)
  return message
}

/** Durable when it resolves: from then on `gift.from` has ended. */
export function writeGift(store: Store, group: number, gift: Gift): Promise<void> {
  return store.write([{ key: keyOf(group), value: encodeMessage({ ...gift, to: gift.from }) }], 'synced')
}

/** The first incarnation of the group's replica that was not given away from this store. */
export async function nextIncarnation(store: Store, group: number, owner: PeerId): Promise<number> {
  const gift = await readGift(store, group, owner)
  return gift === undefined ? 1 : incarnationOf(gift.from) + 1
}

function keyOf(group: number): string {
  return `given/${group}`
}
