import { parsePeerId } from '../../src/base/ids.js'
import { seededRandom } from '../../src/base/random.js'
import type { ApplyContext } from '../../src/machines/machine.js'

const from = parsePeerId('AAAAAAAAAAAAAAAAAAAAAA') as NonNullable<ReturnType<typeof parsePeerId>>

/** What a group would say at this index. */
export function contextAt(index: number): ApplyContext {
  return { index, timestampMs: 1000 * index, random: seededRandom(index), from }
}
