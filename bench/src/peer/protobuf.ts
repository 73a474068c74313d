/** As much of Protocol Buffers as a few small messages need: fields by number, of varints and bytes. */
export type Fields = ReadonlyMap<number, bigint | Uint8Array>

const VARINT = 0
const BYTES = 2

/** @param fields in order of their numbers, 1 to 15; each shorter than 2 ** 28 bytes */
export function encodeBytesFields(fields: readonly (readonly [field: number, bytes: Uint8Array])[]): Buffer {
  const parts = fields.flatMap(([field, bytes]) => [Uint8Array.of((field << 3) | BYTES), varint(bytes.length), bytes])
  return Buffer.concat(parts)
}

/** Of a field that is repeated, the last. @throws Error if it is no message of varints and bytes */
export function decodeFields(message: Uint8Array): Fields {
  const fields = new Map<number, bigint | Uint8Array>()
  let at = 0
  const readVarint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]
      if (byte === undefined) throw new Error('a message ends within a number')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  while (at < message.length) {
    const tag = Number(readVarint())
    const value = readVarint()
    if ((tag & 7) === VARINT) {
      fields.set(tag >> 3, value)
    } else if ((tag & 7) === BYTES) {
      fields.set(tag >> 3, message.subarray(at, at + Number(value)))
      at += Number(value)
    } else {
      throw new Error(`a field of wire type ${tag & 7}`)
    }
  }
  return fields
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Uint8Array.from([...bytes, rest])
    bytes.push((rest & 0x7f) | 0x80)
  }
}
