import { concatBytes } from '../../src/base/bytes.js'
import { parsePeerId } from '../../src/base/ids.js'
import { seededRandom } from '../../src/base/random.js'
import type { ApplyContext, ForkableMachine } from '../../src/machines/machine.js'

const from = parsePeerId('AAAAAAAAAAAAAAAAAAAAAA') as NonNullable<ReturnType<typeof parsePeerId>>

/** What a group would say at this index. */
export function contextAt(index: number, version = 1): ApplyContext {
  return { index, timestampMs: 1000 * index, random: seededRandom(index), from, version }
}

export function bytesOf(machine: ForkableMachine): Uint8Array {
  return concatBytes([...machine.snapshot()])
}

/** As it comes over the wire: in small pieces. */
export async function* pieces(bytes: Uint8Array, size = 7): AsyncIterable<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size)
}
