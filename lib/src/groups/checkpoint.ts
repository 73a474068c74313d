import { StreamHash } from '../codec/hash.js'

/** What a state came to at one index of the log: the same on every replica, or one of them is broken. */
export interface Digest {
  readonly index: number
  /** 16 hexadecimal digits. */
  readonly hash: string
  readonly bytes: number
}

/** Between two pauses: small enough that a heartbeat never waits for it. */
const PART_BYTES = 64 * 1024

/**
 * Reads a whole snapshot, part by part, with a pause after each, so that a large state does not hold up the commands.
 * @param keep stores a part, or only lets others run
 */
export async function readThrough(
  index: number,
  pieces: AsyncIterable<Uint8Array>,
  keep: (part: Uint8Array) => Promise<void>,
): Promise<Digest> {
  const hash = new StreamHash()
  let bytes = 0
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; at += PART_BYTES) {
      const part = piece.subarray(at, at + PART_BYTES)
      hash.update(part)
      bytes += part.length
      await keep(part)
    }
  }
  return { index, hash: hash.digest(), bytes }
}
