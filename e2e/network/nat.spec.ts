import { type NetworkPeer, type ProcessPeerOptions, until } from './network-peer.js'
import { expect, type NetworkCluster, test } from './network-test.js'
import { TurnServer, whyNoTurnServer } from './turn-server.js'
import type { NatKind } from './virtual-network.js'

type Stack = ProcessPeerOptions['webrtc']

const STACKS: readonly (readonly [Stack, Stack])[] = [
  ['node-datachannel', 'node-datachannel'],
  ['@roamhq/wrtc', '@roamhq/wrtc'],
  ['node-datachannel', '@roamhq/wrtc'],
]
const LINKED_WITHIN_MS = 15_000

test.beforeEach(() => {
  const problem = whyNoTurnServer()
  test.skip(problem !== undefined, problem)
})

for (const stacks of STACKS) {
  test.describe(stacks.join(' and '), () => {
    test('[NET4] behind NATs that keep ports they meet by STUN', async ({ cluster }) => {
      const { stun } = await startTurn(cluster)
      await cluster.startSignaling([stun])
      const startMs = performance.now()
      await meet(await openPair(cluster, stacks, 'cone'), startMs)
    })

    test('[NET4] behind symmetric NATs they meet by TURN', async ({ cluster }) => {
      const { stun, turn } = await startTurn(cluster)
      await cluster.startSignaling([stun, turn])
      const startMs = performance.now()
      await meet(await openPair(cluster, stacks, 'symmetric'), startMs)
    })

    test('[NET5] behind symmetric NATs without TURN the status says that it is needed', async ({ cluster }) => {
      const { stun } = await startTurn(cluster)
      await cluster.startSignaling([stun])
      await needTurn(await openPair(cluster, stacks, 'symmetric'), 'give the signaling server one')
    })

    test('[NET5] when the TURN server is out of order the status says so', async ({ cluster }) => {
      const server = await startTurn(cluster)
      await cluster.startSignaling([server.stun, server.turn])
      await server.stop()
      await needTurn(await openPair(cluster, stacks, 'symmetric'), 'gave no address')
    })
  })
}

function startTurn(cluster: NetworkCluster): Promise<TurnServer> {
  return TurnServer.start(cluster.network, cluster.network.addHost('turn'))
}

/** Two peers behind NATs of their own; whether they meet is open. */
function openPair(
  cluster: NetworkCluster,
  stacks: readonly [Stack, Stack],
  kind: NatKind,
): Promise<readonly NetworkPeer[]> {
  const open = (name: string, stack: Stack) =>
    cluster.openPeer(name, stack, cluster.network.addHostBehindNat(name, kind))
  return Promise.all([open('one', stacks[0]), open('two', stacks[1])])
}

async function meet(peers: readonly NetworkPeer[], startMs: number): Promise<void> {
  for (const peer of peers) await until(peer, 'states', (states) => Object.values(states).join() === 'direct')
  const tookMs = Math.round(performance.now() - startMs)
  console.log(`linked after ${tookMs} ms`)
  expect(tookMs).toBeLessThan(LINKED_WITHIN_MS)
}

async function needTurn(peers: readonly NetworkPeer[], advice: string): Promise<void> {
  for (const peer of peers) {
    await until(peer, 'states', (states) => Object.values(states).some((state) => state.includes('TURN')))
    const [state] = Object.values(await peer.ask('states'))
    expect(state).toContain(advice)
    expect((await peer.ask('errors')).filter((error) => error.startsWith('E_TURN_NEEDED'))).toHaveLength(1)
  }
}
