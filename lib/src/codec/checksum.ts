/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4): tells damaged bytes from whole ones; no defence against anyone who wants
 * a collision. Eight bytes per step by eight tables ("slicing-by-8", Kounavis and Berry, 2005).
 */

const REVERSED_POLYNOMIAL = 0x82f63b78
const TABLE_SIZE = 256
const tables = makeTables()

/**
 * @param previous the checksum of the bytes before, if they come in pieces; however they are cut, the result is the same
 * @returns 32 bits, unsigned
 */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables
  let crc = ~previous
  let at = 0
  for (const end = bytes.length - 7; at < end; at += 8) {
    const low = crc ^ word(bytes, at)
    const high = word(bytes, at + 4)
    crc =
      (t7[low & 255] as number) ^
      (t6[(low >>> 8) & 255] as number) ^
      (t5[(low >>> 16) & 255] as number) ^
      (t4[low >>> 24] as number) ^
      (t3[high & 255] as number) ^
      (t2[(high >>> 8) & 255] as number) ^
      (t1[(high >>> 16) & 255] as number) ^
      (t0[high >>> 24] as number)
  }
  for (; at < bytes.length; at++) crc = (t0[(crc ^ (bytes[at] as number)) & 255] as number) ^ (crc >>> 8)
  return ~crc >>> 0
}

/** Little-endian. */
function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  )
}

type Table = Int32Array

/** Table k holds what a byte becomes that k more bytes of zeros follow. */
function makeTables(): readonly [Table, Table, Table, Table, Table, Table, Table, Table] {
  const t0 = new Int32Array(TABLE_SIZE)
  for (let byte = 0; byte < TABLE_SIZE; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? REVERSED_POLYNOMIAL : 0)
    t0[byte] = crc
  }
  const after = (table: Table) => table.map((crc) => (t0[crc & 255] as number) ^ (crc >>> 8))
  const t1 = after(t0)
  const t2 = after(t1)
  const t3 = after(t2)
  const t4 = after(t3)
  const t5 = after(t4)
  const t6 = after(t5)
  return [t0, t1, t2, t3, t4, t5, t6, after(t6)]
}
