import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import type { Latency, Rate } from './figures.js'
import { machineMs } from './machine-clock.js'
import { RawConnection, type RawConnectionOptions, type RawSignal } from './raw-connection.js'
import { RawRoom, type RawRoomOptions } from './raw-room.js'
import { answerRaw, rawFlood, rawPing } from './raw-traffic.js'
import { tellParent } from './tell-parent.js'

let connection: RawConnection | undefined

/** A bare data channel: what one side is asked to do, while the other side answers. */
export const rawTasks = {
  /** @returns when it began, by the machine's clock */
  async rawStart(options: Omit<RawConnectionOptions, 'send'>): Promise<number> {
    const startMs = machineMs()
    connection = await RawConnection.create({ ...options, send: (signal) => tellParent({ signal }) })
    if (!options.offerer) void connection.opened.then(answerRaw)
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
    return rawPing(await openChannel(), sizeBytes, durationMs)
  },

  /** Messages one way, as many as go. @returns what the other side received */
  async rawFlood(sizeBytes: number, durationMs: number): Promise<Rate> {
    return rawFlood(await openChannel(), sizeBytes, durationMs, setImmediate)
  },
}

function openChannel(): Promise<RTCDataChannel> {
  if (connection === undefined) throw new Error('there is no raw connection')
  return connection.opened
}
