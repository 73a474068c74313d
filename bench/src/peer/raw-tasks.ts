import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { quantile } from '../statistics.js'
import type { Latency, Rate } from './figures.js'
import { machineMs } from './machine-clock.js'
import { RawConnection, type RawConnectionOptions, type RawSignal } from './raw-connection.js'
import { RawRoom, type RawRoomOptions } from './raw-room.js'
import { tellParent } from './tell-parent.js'

/** The first byte of a message says what the answering side does with it. */
const ECHO = 0
const COUNT = 1
const END_OF_FLOOD = 'end'
const BUFFERED_MAX_BYTES = 512 * 1024

let connection: RawConnection | undefined

/** A bare data channel: what one side is asked to do, while the other side answers. */
export const rawTasks = {
  /** @returns when it began, by the machine's clock */
  async rawStart(options: Omit<RawConnectionOptions, 'send'>): Promise<number> {
    const startMs = machineMs()
    connection = await RawConnection.create({ ...options, send: (signal) => tellParent({ signal }) })
    if (!options.offerer) void connection.opened.then(answer)
    return startMs
  },

  rawSignal(signal: RawSignal): void {
    if (connection === undefined) throw new Error('a signal before the connection')
    connection.signal(signal)
  },

  /** @returns when the channel was open, by the machine's clock */
  async rawOpened(): Promise<number> {
    await openChannel()
    return machineMs()
  },

  /** Answers, from now on, whoever dials over the signaling server. */
  async rawWait(options: RawRoomOptions): Promise<void> {
    const room = await RawRoom.create(options)
    room.wait()
  },

  /** Enters a room over the signaling server and dials who waits there. @returns how long until the channel was open */
  async rawDial(options: RawRoomOptions): Promise<number> {
    const room = await RawRoom.create(options)
    const startMs = performance.now()
    await room.dial()
    const tookMs = performance.now() - startMs
    await room.leave()
    return tookMs
  },

  async rawClose(): Promise<void> {
    await connection?.close()
  },

  /** Round trips, one after the other. */
  async rawPing(sizeBytes: number, durationMs: number): Promise<Latency> {
    const samplesMs = await pingPong(await openChannel(), sizeBytes, durationMs)
    return { p50: quantile(samplesMs, 0.5), p99: quantile(samplesMs, 0.99) }
  },

  /** Messages one way, as many as go. @returns what the other side received */
  async rawFlood(sizeBytes: number, durationMs: number): Promise<Rate> {
    const channel = await openChannel()
    const received = new Promise<Rate>((resolve) => {
      channel.onmessage = ({ data }) => resolve(JSON.parse(data))
    })
    const message = new Uint8Array(sizeBytes).fill(COUNT)
    const endMs = performance.now() + durationMs
    while (performance.now() < endMs) {
      for (let i = 0; i < 32 && channel.bufferedAmount < BUFFERED_MAX_BYTES; i++) channel.send(message)
      await setImmediate()
    }
    channel.send(END_OF_FLOOD)
    return received
  },
}

function openChannel(): Promise<RTCDataChannel> {
  if (connection === undefined) throw new Error('there is no raw connection')
  return connection.opened
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

function answer(channel: RTCDataChannel): void {
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
