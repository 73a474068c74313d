import { type Latency, latencyOf, type Rate } from './figures.js'

/** The first byte of a message says what the answering side does with it. */
const ECHO = 0
const COUNT = 1
const END_OF_FLOOD = 'end'
const BUFFERED_MAX_BYTES = 512 * 1024
const SENDS_PER_TASK = 32

/** Round trips over a bare data channel whose other side answers, one after the other; in Node and in pages. */
export async function rawPing(channel: RTCDataChannel, sizeBytes: number, durationMs: number): Promise<Latency> {
  return latencyOf(await pingPong(channel, sizeBytes, durationMs))
}

/** Messages one way, as many as go. @param nextTask lets others work @returns what the other side received */
export async function rawFlood(
  channel: RTCDataChannel,
  sizeBytes: number,
  durationMs: number,
  nextTask: () => Promise<unknown>,
): Promise<Rate> {
  const received = new Promise<Rate>((resolve) => {
    channel.onmessage = ({ data }) => resolve(JSON.parse(data))
  })
  const message = new Uint8Array(sizeBytes).fill(COUNT)
  const endMs = performance.now() + durationMs
  while (performance.now() < endMs) {
    for (let i = 0; i < SENDS_PER_TASK && channel.bufferedAmount < BUFFERED_MAX_BYTES; i++) channel.send(message)
    await nextTask()
  }
  channel.send(END_OF_FLOOD)
  return received
}

/** The answering side of both. */
export function answerRaw(channel: RTCDataChannel): void {
  let firstMs: number | undefined
  let count = 0
  channel.onmessage = ({ data }) => {
    if (data === END_OF_FLOOD) {
      channel.send(JSON.stringify({ count, elapsedMs: performance.now() - (firstMs ?? 0) } satisfies Rate))
      firstMs = undefined
      count = 0
    } else if (new Uint8Array(data)[0] === ECHO) {
      channel.send(data)
    } else {
      firstMs ??= performance.now()
      count++
    }
  }
}

function pingPong(channel: RTCDataChannel, sizeBytes: number, durationMs: number): Promise<number[]> {
  return new Promise((resolve) => {
    const message = new Uint8Array(sizeBytes).fill(ECHO)
    const samplesMs: number[] = []
    let sentMs = performance.now()
    const endMs = sentMs + durationMs
    channel.onmessage = () => {
      const nowMs = performance.now()
      samplesMs.push(nowMs - sentMs)
      if (nowMs >= endMs) return resolve(samplesMs)
      sentMs = nowMs
      channel.send(message)
    }
    channel.send(message)
  })
}
