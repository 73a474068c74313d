/** Helpers on byte arrays that neither lib0 nor the platform has in the form needed here. */

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const NO_VALUE = 255
/** By the code of the character. */
const VALUES = Uint8Array.from({ length: 128 }, (_, code) => BASE64URL.indexOf(String.fromCharCode(code)) & NO_VALUE)

/** By value. */
const CODES = Uint8Array.from(BASE64URL, (character) => character.charCodeAt(0))
/** So many characters are made at once. */
const CHUNK_CHARACTERS = 1024

/**
 * RFC 4648 section 5, without padding. Made of codes, because engines keep what `+` makes as a tree of its parts, which
 * costs more with every comparison, and ids are compared all the time (measured).
 */
export function toBase64Url(bytes: Uint8Array): string {
  let text = ''
  let codes: number[] = []
  for (let i = 0; i < bytes.length; i += 3) {
    const remaining = bytes.length - i
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    codes.push(codeOf(group >> 18), codeOf(group >> 12))
    if (remaining > 1) codes.push(codeOf(group >> 6))
    if (remaining > 2) codes.push(codeOf(group))
    if (codes.length < CHUNK_CHARACTERS) continue
    text += String.fromCharCode(...codes)
    codes = []
  }
  return text === '' ? String.fromCharCode(...codes) : text + String.fromCharCode(...codes)
}

/** The inverse of `toBase64Url`; undefined if `text` is not what that function writes. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  return readBase64Url(text, bytes) === undefined ? undefined : bytes
}

/**
 * The same into `bytes`, from its beginning; what does not fit is left out.
 * @returns how many there are, fitting or not; undefined as `fromBase64Url`, with `bytes` written in part
 */
export function readBase64Url(text: string, bytes: Uint8Array): number | undefined {
  let bits = 0
  let bitCount = 0
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const value = VALUES[text.charCodeAt(i)] ?? NO_VALUE
    if (value === NO_VALUE) return undefined
    bits = ((bits << 6) | value) & 0xffffff
    bitCount += 6
    if (bitCount >= 8) {
      bitCount -= 8
      bytes[length++] = (bits >> bitCount) & 255
    }
  }
  // What is left of the last character is no whole byte, and zero.
  const rest = bits & ((1 << bitCount) - 1)
  return bitCount < 6 && rest === 0 ? length : undefined
}

/** @param bits the value, in the lowest 6 */
function codeOf(bits: number): number {
  return CODES[bits & 63] as number
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
