import { describe, expect, it } from 'vitest'
import { TokenBucket } from '../src/token-bucket.js'

describe('TokenBucket', () => {
  it('[SIG13] allows a burst, then goes into a debt that time pays', () => {
    const bucket = new TokenBucket(10, 2, 0)
    expect([bucket.take(0), bucket.take(0), bucket.take(0)]).toEqual([1, 0, -1])
    expect(bucket.debtMs(0)).toBe(100)
    expect(bucket.take(100)).toBe(-1)
    expect(bucket.take(100_000)).toBe(1)
    expect(bucket.debtMs(100_000)).toBe(0)
  })
})
