import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, equalBytes } from '../../src/base/bytes.js'
import { defer } from '../../src/base/deferred.js'
import { crc32c } from '../../src/codec/checksum.js'
import { type ByteTransform, InflatingSink } from '../../src/groups/snapshot-compression.js'
import { type SnapshotSource, spoolSnapshot } from '../../src/groups/snapshot-source.js'
import { drainMicrotasks } from '../../src/testing/simulated-runtime.js'
import { ALICE, RecordingSink, randomBytes } from './snapshot-peers.js'

const deflate: ByteTransform = () => new CompressionStream('deflate-raw')
const inflate: ByteTransform = () => new DecompressionStream('deflate-raw')

async function chunksOf(source: SnapshotSource): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = []
  for (let n = 0; ; n++) {
    const chunk = await source.chunk(n)
    if (chunk === undefined) return chunks
    chunks.push(chunk)
  }
}

async function* asynchronous(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield piece
}

function newSink(): RecordingSink {
  return new RecordingSink({ from: ALICE, group: 1, snapshotId: 's', raftMessage: new Uint8Array(0) })
}

describe('a spooled snapshot', () => {
  it('[SNP1] is cut into equal chunks, however its pieces are cut', async () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 20 })
    const property = fc.asyncProperty(
      pieces,
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      async (drawn, chunkBytes, sync) => {
        const source = spoolSnapshot(sync ? drawn : asynchronous(drawn), { id: 's', chunkBytes })
        const chunks = await chunksOf(source)
        const whole = concatBytes(drawn)
        expect(concatBytes(chunks)).toEqual(whole)
        expect(source.checksum).toBe(crc32c(whole))
        expect(chunks.slice(0, -1).every(({ length }) => length === chunkBytes)).toBe(true)
        expect(chunks.every(({ length }) => length > 0)).toBe(true)
      },
    )
    await fc.assert(property, { seed: 1, numRuns: 200 })
  })

  it('[SNP2] is produced no further than it is asked for', async () => {
    let produced = 0
    function* pieces() {
      for (; produced < 100; ) {
        produced++
        yield new Uint8Array(10)
      }
    }
    const source = spoolSnapshot(pieces(), { id: 's', chunkBytes: 15 })
    expect(produced).toBe(0)
    await source.chunk(0)
    expect(produced).toBe(2)
    await source.chunk(1)
    expect(produced).toBe(3)
    await source.chunk(0)
    expect(produced).toBe(3)
  })

  it('[SNP3] is produced once for all readers, whatever they ask for at the same time', async () => {
    const whole = randomBytes(1_000)
    const source = spoolSnapshot(asynchronous([whole]), { id: 's', chunkBytes: 64 })
    const [last, first, end] = await Promise.all([source.chunk(15), source.chunk(0), source.chunk(16)])
    expect([first, last, end]).toEqual([whole.subarray(0, 64), whole.subarray(960), undefined])
    expect(await source.chunk(0)).toBe(first)
  })

  it('[SNP3] ends its production when it is released', async () => {
    let returned = 0
    function* pieces() {
      try {
        for (;;) yield new Uint8Array(10)
      } finally {
        returned++
      }
    }
    const source = spoolSnapshot(pieces(), { id: 's', chunkBytes: 10 })
    await source.chunk(0)
    const asked = source.chunk(1)
    source.release()
    source.release()
    await expect(asked).rejects.toMatchObject({ code: 'E_CLOSED' })
    await expect(source.chunk(0)).rejects.toMatchObject({ code: 'E_CLOSED' })
    expect(returned).toBe(1)
  })

  it('[SNP3] stays released when a piece that was asked for comes late', async () => {
    const piece = defer<Uint8Array>()
    async function* pieces() {
      yield await piece.promise
    }
    const source = spoolSnapshot(pieces(), { id: 's', chunkBytes: 10 })
    const asked = source.chunk(0)
    await drainMicrotasks()
    source.release()
    piece.resolve(new Uint8Array(5))
    await expect(asked).rejects.toMatchObject({ code: 'E_CLOSED' })
    await expect(source.chunk(0)).rejects.toMatchObject({ code: 'E_CLOSED' })
  })

  it('[SNP3] still tells the checksum of what was read to the end when it is released', async () => {
    const source = spoolSnapshot([new Uint8Array(15)], { id: 's', chunkBytes: 10 })
    expect(await source.chunk(2)).toBeUndefined()
    const { checksum } = source
    source.release()
    expect(source.checksum).toBe(checksum)
  })

  it('[SNP4] fails for all readers if it is too large or its production throws', async () => {
    const large = spoolSnapshot([new Uint8Array(30)], { id: 's', chunkBytes: 10, limitBytes: 20 })
    expect(await large.chunk(1)).toHaveLength(10)
    await expect(large.chunk(2)).rejects.toMatchObject({ code: 'E_TOO_LARGE' })
    await expect(large.chunk(2)).rejects.toMatchObject({ code: 'E_TOO_LARGE' })
    function* failing() {
      yield new Uint8Array(10)
      throw new Error('no more')
    }
    const broken = spoolSnapshot(failing(), { id: 's', chunkBytes: 10 })
    expect(await broken.chunk(0)).toHaveLength(10)
    await expect(broken.chunk(1)).rejects.toThrow('no more')
    await expect(broken.chunk(1)).rejects.toThrow('no more')
  })
})

describe('a compressed snapshot', () => {
  const state = new TextEncoder().encode('seat 12A is taken; '.repeat(10_000))

  it('[SNP5] is smaller, and inflated exactly', async () => {
    const source = spoolSnapshot([state.subarray(0, 70_000), state.subarray(70_000)], {
      id: 's',
      chunkBytes: 100,
      deflate,
    })
    const chunks = await chunksOf(source)
    expect(concatBytes(chunks).length).toBeLessThan(state.length / 20)
    const sink = newSink()
    const inflating = new InflatingSink(sink, inflate, state.length)
    for (const chunk of chunks) await inflating.add(chunk)
    await inflating.finish()
    expect(equalBytes(sink.bytes, state)).toBe(true)
    expect([sink.finished, sink.misuses]).toEqual([1, []])
  })

  it('[SNP5] fails like its production, and ends it when it is released', async () => {
    let returned = 0
    function* failing() {
      yield new Uint8Array(10)
      throw new Error('no more')
    }
    await expect(spoolSnapshot(failing(), { id: 's', deflate }).chunk(0)).rejects.toThrow('no more')
    function* endless() {
      try {
        for (let seed = 0; ; seed++) yield randomBytes(10_000, seed)
      } finally {
        returned++
      }
    }
    const source = spoolSnapshot(endless(), { id: 's', deflate })
    await source.chunk(0)
    source.release()
    await expect.poll(() => returned).toBe(1)
  })

  it('[SNP6] is not taken when it is damaged, or inflates to more than the limit', async () => {
    const add = async (chunks: readonly Uint8Array[], limitBytes: number) => {
      const sink = newSink()
      const inflating = new InflatingSink(sink, inflate, limitBytes)
      for (const chunk of chunks) await inflating.add(chunk)
      await inflating.finish()
    }
    const chunks = await chunksOf(spoolSnapshot([state], { id: 's', deflate }))
    await expect(add([Uint8Array.of(255, 255, 255)], 1e6)).rejects.toThrow()
    await expect(add(chunks, state.length - 1)).rejects.toMatchObject({ code: 'E_TOO_LARGE' })
    await expect(
      add(
        chunks.map((chunk) => chunk.subarray(0, -9)),
        1e6,
      ),
    ).rejects.toThrow()
    await add(chunks, state.length)
  })
})
