import { afterEach, expect } from 'vitest'
import { LegionError } from '../../src/base/errors.js'
import type { PeerId } from '../../src/base/ids.js'
import { type Logger, silentLogger } from '../../src/base/logger.js'
import { Messaging, type MessagingLimits } from '../../src/messaging/messaging.js'
import type { Handlers } from '../../src/messaging/types.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import { type MemoryNetwork, MemoryNetworks } from './memory-network.js'

export interface Peer {
  readonly id: PeerId
  readonly network: MemoryNetwork
  readonly messaging: Messaging<string>
}

export interface PeerOptions {
  handlers?: Handlers<string>
  limits?: Partial<MessagingLimits>
  logger?: Partial<Logger>
}

export let networks = new MemoryNetworks()
export let clock = new SimulatedClock()

afterEach(() => {
  networks = new MemoryNetworks()
  clock = new SimulatedClock()
})

export function addPeer(n: number, options: PeerOptions = {}): Peer {
  const network = networks.add(n)
  const messaging = new Messaging({
    network,
    runtime: clock.fork(n),
    handlers: options.handlers,
    context: `legion ${n}`,
    logger: { ...silentLogger, ...options.logger },
    limits: options.limits,
  })
  return { id: network.self.id, network, messaging }
}

/** Two linked peers; the second one has the handlers. */
export function pair(second: PeerOptions = {}, first: PeerOptions = {}): [Peer, Peer] {
  const a = addPeer(1, first)
  const b = addPeer(2, second)
  networks.connect(a.network, b.network)
  return [a, b]
}

/** The error of a call that must fail, after everything under way arrived. */
export async function failureOf(call: Promise<unknown>): Promise<LegionError> {
  const error = call.then(
    (value) => expect.fail(`answered ${String(value)}`),
    (thrown: unknown) => thrown,
  )
  await networks.settle()
  const thrown = await error
  expect(LegionError.is(thrown)).toBe(true)
  return thrown as LegionError
}

export async function answerOf<T>(call: Promise<T>): Promise<T> {
  await networks.settle()
  return call
}

export function thrownBy(fn: () => void): LegionError {
  try {
    fn()
  } catch (error) {
    return error as LegionError
  }
  return expect.fail('did not throw')
}

export const waitForever = () => new Promise<never>(() => {})
