/** A stream of numbers in [0, 1). */
export type RandomStream = () => number

/**
 * A small deterministic generator (sfc32 by Chris Doty-Humphrey, PractRand), for simulations and for the `random()` of
 * commands. Not for secrets.
 * @param seed up to four 32-bit words; missing ones count as zero
 */
export function seededRandom(...seed: number[]): RandomStream {
  let a = (seed[0] ?? 0) | 0
  let b = (seed[1] ?? 0) | 0
  let c = (seed[2] ?? 0) | 0
  let counter = (seed[3] ?? 1) | 0
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 12; i++) next() // mixes the seed into every word
  return next
}

/** A whole number in [0, bound). */
export function randomInt(random: RandomStream, bound: number): number {
  return Math.floor(random() * bound)
}

/** One of `items`, which must not be empty. */
export function pick<T>(random: RandomStream, items: readonly T[]): T {
  return items[randomInt(random, items.length)] as T
}

/** Fisher-Yates; leaves `items` alone. */
export function shuffled<T>(random: RandomStream, items: readonly T[]): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = randomInt(random, i + 1)
    ;[result[i], result[j]] = [result[j] as T, result[i] as T]
  }
  return result
}
