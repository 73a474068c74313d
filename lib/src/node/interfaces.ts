import { BlockList, isIP } from 'node:net'
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

/** Whether `address`, of IPv4 or IPv6, is in a network of this machine, itself included. */
export function sharesNetwork(address: string): boolean {
  const version = isIP(address)
  return version !== 0 && ownNetworks().check(address, `ipv${version === 4 ? 4 : 6}`)
}

function ownNetworks(): BlockList {
  const networks = new BlockList()
  for (const { cidr, family } of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) {
    const [network, bits] = cidr?.split('/') ?? []
    if (network !== undefined) networks.addSubnet(network, Number(bits), family === 'IPv4' ? 'ipv4' : 'ipv6')
  }
  return networks
}

function ownAddresses(): string {
  const all = Object.entries(networkInterfaces())
  return all.flatMap(([name, list = []]) => list.map(({ address }) => `${name} ${address}`)).join()
}
