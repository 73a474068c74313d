import type { MeshStatus } from './mesh-status.js'

/** Who is there is known, and each of them is reached, or was tried to be in vain. */
export function isSettled({ rendezvous, peers }: Pick<MeshStatus, 'rendezvous' | 'peers'>): boolean {
  return rendezvous === 'joined' && Object.values(peers).every(({ state }) => state !== 'connecting')
}
