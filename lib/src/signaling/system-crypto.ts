/** The adapter to the platform's cryptography; undefined in pages that are neither on https nor on localhost. */
export function systemCrypto(): SubtleCrypto | undefined {
  return globalThis.crypto?.subtle
}
