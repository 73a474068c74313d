/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4): tells damaged bytes from whole ones; no defence against anyone who wants
 * a collision. Eight bytes per step by eight tables ("slicing-by-8", Kounavis and Berry, 2005).
 */

const REVERSED_POLYNOMIAL = 0x82f63b78
const TABLE_SIZE = 256
const TABLE_COUNT = 8
const table = makeTables()

/**
 * @param previous the checksum of the bytes before, if they come in pieces; however they are cut, the result is the same
 * @returns 32 bits, unsigned
 */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  const wholeSteps = bytes.length - (bytes.length % TABLE_COUNT)
  let crc = ~previous
  for (let at = 0; at < wholeSteps; at += TABLE_COUNT) {
    crc =
      after(7, byte(bytes, at) ^ (crc & 255)) ^
      after(6, byte(bytes, at + 1) ^ ((crc >>> 8) & 255)) ^
      after(5, byte(bytes, at + 2) ^ ((crc >>> 16) & 255)) ^
      after(4, byte(bytes, at + 3) ^ (crc >>> 24)) ^
      after(3, byte(bytes, at + 4)) ^
      after(2, byte(bytes, at + 5)) ^
      after(1, byte(bytes, at + 6)) ^
      after(0, byte(bytes, at + 7))
  }
  for (let at = wholeSteps; at < bytes.length; at++) crc = after(0, byte(bytes, at) ^ (crc & 255)) ^ (crc >>> 8)
  return ~crc >>> 0
}

/** What a byte becomes that so many bytes of zeros follow. */
function after(zeros: number, value: number): number {
  return table[zeros * TABLE_SIZE + value] as number
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] as number
}

/** One after the other: 256 values each for 0 to 7 zeros. */
function makeTables(): Int32Array {
  const values = new Int32Array(TABLE_COUNT * TABLE_SIZE)
  for (let value = 0; value < TABLE_SIZE; value++) {
    let crc = value
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? REVERSED_POLYNOMIAL : 0)
    values[value] = crc
  }
  for (let at = TABLE_SIZE; at < values.length; at++) {
    const before = values[at - TABLE_SIZE] as number
    values[at] = (values[before & 255] as number) ^ (before >>> 8)
  }
  return values
}
