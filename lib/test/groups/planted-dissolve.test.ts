import { expect, it } from 'vitest'
import { decodeEntry, encodeDissolve } from '../../src/groups/entry.js'
import { ReplicatedState } from '../../src/groups/replicated-state.js'
import { set, twoClusters } from './two-clusters.js'

it('[DIS9] a dissolve that counts after a command is caught: what was acknowledged is gone', async () => {
  const { simulation, small, large } = await twoClusters(5)
  const [peer, other] = [small[0], large[0]]
  if (peer === undefined || other === undefined) throw new Error('unreachable')
  await simulation.until(set(peer, 'a', 1))
  plantDissolveAfterCommand()
  const before = peer.legion.cluster.id
  peer.legion.main.proposeEntry(encodeDissolve(other.legion.cluster.id as never))
  await simulation.settle(() => peer.legion.cluster.id !== before)
  expect(() => peer.legion.peek('get', 'a')).toThrow('not here yet')
})

/** The planted bug. */
function plantDissolveAfterCommand(): void {
  const into = new WeakMap<ReplicatedState, string>()
  const { apply } = ReplicatedState.prototype
  ReplicatedState.prototype.apply = function (this: ReplicatedState, index, data) {
    const entry = data.length === 0 ? undefined : decodeEntry(data)
    if (entry?.kind === 'dissolve') into.set(this, entry.into)
    return apply.call(this, index, data)
  }
  Object.defineProperty(ReplicatedState.prototype, 'dissolvedInto', {
    get(this: ReplicatedState) {
      return into.get(this)
    },
  })
}
