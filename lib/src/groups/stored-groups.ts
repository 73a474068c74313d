import type { PeerId } from '../base/ids.js'
import { defineMachine } from '../machines/define-machine.js'
import type { AnyMachine } from '../machines/types.js'
import type { Store } from '../storage/storage.js'
import { MAIN } from './group-registry.js'
import { lastPosition } from './orphan.js'

/** The groups besides `main` of which the store has a replica that may have voted. @param owner whose store it is */
export async function storedGroups(store: Store, owner: PeerId): Promise<ReadonlySet<number>> {
  const numbers = new Set<number>()
  for await (const key of store.scanKeys('g/')) numbers.add(Number(key.split('/')[1]))
  numbers.delete(MAIN)
  for (const number of numbers) {
    const [, index] = await lastPosition(store, owner, number)
    if (index === 0) numbers.delete(number)
  }
  return numbers
}

/**
 * Of a version older than all: its replica stores, votes and can be replaced, and never knows what it stores. For groups
 * that nobody has opened here.
 */
export function blindMachine(name: string): AnyMachine {
  return { ...defineMachine({ name: 'blind', version: 1, initial: () => ({}), commands: {} }), name, version: 0 }
}
