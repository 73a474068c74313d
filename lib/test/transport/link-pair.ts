import type { Runtime } from '../../src/base/runtime.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import type { Channel } from '../../src/transport/channel.js'
import type { Lane } from '../../src/transport/lanes.js'
import { Link, type LinkLimits } from '../../src/transport/link.js'
import { type MemoryOptions, memoryChannelPair } from '../../src/transport/memory-channel.js'

export interface Received {
  readonly lane: Lane
  readonly port: number
  readonly payload: Uint8Array
}

/** Two links on simulated time, everything they get and why they closed. */
export interface LinkPair {
  readonly clock: SimulatedClock
  readonly a: Link
  readonly b: Link
  readonly atA: Received[]
  readonly atB: Received[]
  readonly closeReasons: { a: string[]; b: string[] }
  /** Every message of `a`'s channel, in order. */
  readonly messagesOfA: Uint8Array[]
}

export interface LinkPairOptions extends Omit<MemoryOptions, 'runtime'> {
  readonly limits?: Partial<LinkLimits> | undefined
  readonly runtimeOfA?: ((clock: SimulatedClock) => Runtime) | undefined
}

export function linkPair({ limits, runtimeOfA, ...memory }: LinkPairOptions = {}): LinkPair {
  const clock = new SimulatedClock()
  const channels = memoryChannelPair({ delayMs: 1, ...memory, runtime: clock.fork(1) })
  const messagesOfA: Uint8Array[] = []
  const a = new Link(recording(channels.a, messagesOfA), { runtime: runtimeOfA?.(clock) ?? clock.fork(2), limits })
  const b = new Link(channels.b, { runtime: clock.fork(3), limits })
  const atA: Received[] = []
  const atB: Received[] = []
  const closeReasons = { a: [] as string[], b: [] as string[] }
  a.on('message', (lane, port, payload) => atA.push({ lane, port, payload }))
  b.on('message', (lane, port, payload) => atB.push({ lane, port, payload }))
  a.on('close', (reason) => closeReasons.a.push(reason))
  b.on('close', (reason) => closeReasons.b.push(reason))
  return { clock, a, b, atA, atB, closeReasons, messagesOfA }
}

/** The same channel; what is sent is noted. */
export function recording(channel: Channel, messages: Uint8Array[]): Channel {
  return new Proxy(channel, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if (key === 'send') messages.push(args[0] as Uint8Array)
        return Reflect.apply(value, target, args)
      }
    },
  })
}

/** Bytes that differ from place to place and from seed to seed. */
export function patterned(length: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + seed * 17 + (i >> 8)) & 255
  return bytes
}
