import { kv } from '../../src/machines/index.js'
import {
  createSimulation,
  type SimulatedPeer,
  type SimulatedPeerOptions,
  type Simulation,
} from '../../src/testing/simulation.js'

export type Peer = SimulatedPeer<typeof kv>

export const set = (peer: Peer, key: string, value: number) => peer.legion.applyConsistent('set', { key, value })
export const get = (peer: Peer, key: string) => peer.legion.read('get', key)
export const areReady = (peers: readonly Peer[]) => peers.every(({ legion }) => legion.status().isReady)
export const clustersOf = (peers: readonly Peer[]) => new Set(peers.map(({ legion }) => legion.cluster.id))

export interface TwoClusters {
  readonly simulation: Simulation
  /** The one with the smaller ClusterId. */
  readonly small: readonly Peer[]
  readonly large: readonly Peer[]
  /** From here on the two reach each other. */
  meet(): void
}

/**
 * Two clusters of one name: the signaling server restarted when only the first one's founders could not reach it, and
 * granted a second founding.
 * @param sizes of the small one and the large one, by their ids
 */
export async function twoClusters(
  seed: number,
  sizes: readonly [number, number] = [1, 1],
  options: SimulatedPeerOptions<typeof kv, unknown> = {},
): Promise<TwoClusters> {
  const simulation = createSimulation({ seed })
  const { server } = simulation.network
  const open = (count: number) => simulation.peers<typeof kv>(count, { machine: kv, ...options })
  const first = await open(sizes[0])
  server.unplug(...first.map(({ id }) => id))
  server.down()
  server.up()
  const second = await open(sizes[1])
  if (idOf(first) > idOf(second)) return twoClusters(seed + 1000, sizes, options)
  const meet = () => {
    simulation.heal()
    server.plug(...first.map(({ id }) => id))
  }
  return { simulation, small: first, large: second, meet }
}

function idOf(peers: readonly Peer[]): string {
  return peers[0]?.legion.cluster.id ?? ''
}
