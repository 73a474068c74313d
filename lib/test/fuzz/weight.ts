/** What an object costs besides its parts, and what a part costs in its container: about what engines need. */
const OBJECT_BYTES = 32
const SLOT_BYTES = 8

/**
 * About how many bytes `value` holds, what several parts share counted once. Views of `input` cost nothing more.
 * Deterministic, as measuring a heap is not.
 */
export function weightOf(value: unknown, input: Uint8Array): number {
  const seen = new Set<unknown>([input.buffer])
  const waiting: unknown[] = [value]
  let weight = 0
  while (waiting.length > 0) {
    const part = waiting.pop()
    weight += SLOT_BYTES
    if (typeof part === 'string') weight += 2 * part.length
    if (typeof part !== 'object' || part === null || seen.has(part)) continue
    seen.add(part)
    weight += OBJECT_BYTES
    if (ArrayBuffer.isView(part)) {
      if (!seen.has(part.buffer)) weight += part.buffer.byteLength
      seen.add(part.buffer)
    } else if (part instanceof Map) {
      for (const entry of part) waiting.push(...entry)
    } else if (part instanceof Set) {
      waiting.push(...part)
    } else {
      for (const [key, held] of Object.entries(part)) {
        if (!Array.isArray(part)) weight += 2 * key.length
        waiting.push(held)
      }
    }
  }
  return weight
}
