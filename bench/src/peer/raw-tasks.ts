import { setImmediate } from 'node:timers/promises'
import { nodePlatform } from 'legion-mesh/node'
import type { Latency, Rate } from './figures.js'
import { machineMs } from './machine-clock.js'
import { RawConnection, type RawSignal, type Stack } from './raw-connection.js'
import { RawRoom, type RawRoomOptions } from './raw-room.js'
import { loadStack } from './raw-stack.js'
import { answerRaw, rawFlood, rawPing } from './raw-traffic.js'
import { tellParent } from './tell-parent.js'

export interface OnStack {
  readonly stack: Stack
}

let connection: RawConnection | undefined

/** A bare data channel: what one side is asked to do, while the other side answers. */
export const rawTasks = {
  /** @returns when it began, by the machine's clock */
  async rawStart({ stack, offerer }: OnStack & { readonly offerer: boolean }): Promise<number> {
    const webRtc = await loadStack(stack)
    const startMs = machineMs()
    connection = new RawConnection({ webRtc, offerer, send: (signal) => tellParent({ signal }) })
    if (!offerer) void connection.opened.then(answerRaw)
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
  async rawWait(options: RawRoomOptions & OnStack): Promise<void> {
    const room = await roomOf(options)
    await room.wait()
  },

  /** Enters a room over the signaling server and dials who waits there. @returns how long until the channel was open */
  async rawDial(options: RawRoomOptions & OnStack): Promise<number> {
    const room = await roomOf(options)
    return room.dialOnce()
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

/** Loads what is needed. */
async function roomOf({ stack, ...options }: RawRoomOptions & OnStack): Promise<RawRoom> {
  return new RawRoom(options, await nodePlatform({ webrtc: stack }), await loadStack(stack))
}

function openChannel(): Promise<RTCDataChannel> {
  if (connection === undefined) throw new Error('there is no raw connection')
  return connection.opened
}
