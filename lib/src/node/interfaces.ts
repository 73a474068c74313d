import { networkInterfaces } from 'node:os'
import type { Unsubscribe } from '../base/emitter.js'

/** Asking costs about a tenth of a millisecond. */
const LOOK_MS = 1_000

/** Calls `listener` when this machine got or lost an address: nothing tells a process. Keeps no process alive. */
export function watchInterfaces(listener: () => void, addresses: () => string = ownAddresses): Unsubscribe {
  let known = addresses()
  const timer = setInterval(() => {
    const now = addresses()
    if (now === known) return
    known = now
    listener()
  }, LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}

function ownAddresses(): string {
  const all = Object.entries(networkInterfaces())
  return all.flatMap(([name, list = []]) => list.map(({ address }) => `${name} ${address}`)).join()
}
