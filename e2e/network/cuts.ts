import { setTimeout as sleep } from 'node:timers/promises'
import { type NetworkPeer, until } from './network-peer.js'
import { expect, type NetworkCluster } from './network-test.js'

/** The time that everything may take from the network's return until all agree again. */
export const BACK_WITHIN_MS = 5_000

/** Each is linked with all others, and all vote. */
export async function together(peers: readonly NetworkPeer[]): Promise<void> {
  const names = peers.map(({ name }) => name).sort()
  for (const peer of peers) {
    await until(peer, 'peerNames', (others) => others.length === peers.length - 1)
    await until(peer, 'voterNames', (voters) => voters.join() === names.join())
  }
}

/** Documents and commands have reached everybody, and the one that was away takes part again. */
export async function inSync(peers: readonly NetworkPeer[], away: NetworkPeer, words: string[]): Promise<void> {
  const seat = `${away.name} is back`
  const reserved = reserveStubbornly(away, seat)
  const agreed = peers.map(async (peer) => {
    await until(peer, 'text', (text) => words.every((word) => text.includes(word)))
    await until(peer, 'seats', (seats) => seats['meanwhile'] !== undefined && seats[seat] === away.id)
  })
  await Promise.all([reserved, ...agreed])
}

/**
 * Cuts `away` off, without a word, while the signaling server is down too; work goes on on both sides.
 * @returns how long all took to agree again after everything was back
 */
export async function cutOff(
  cluster: NetworkCluster,
  peers: readonly NetworkPeer[],
  away: NetworkPeer,
  durationMs: number,
): Promise<number> {
  const [other = away] = peers.filter((peer) => peer !== away)
  cluster.network.cut(away.host)
  await Promise.all([sleep(durationMs), cluster.signaling.stop(), meanwhile(other, away)])
  await cluster.signaling.startAgain()
  cluster.network.restore(away.host)
  const startMs = performance.now()
  await inSync(peers, away, ['alone', 'others'])
  return Math.round(performance.now() - startMs)
}

async function meanwhile(other: NetworkPeer, away: NetworkPeer): Promise<void> {
  await Promise.all([away.ask('write', 'alone '), other.ask('write', 'others ')])
  await reserveStubbornly(other, 'meanwhile')
}

/** A command may fail for want of a quorum; then it is given once more. */
async function reserveStubbornly(peer: NetworkPeer, seat: string): Promise<void> {
  for (;;) {
    const isReserved = await peer.ask('reserve', seat).then(
      () => true,
      () => false,
    )
    if (isReserved) return
  }
}

export function expectSoon(tookMs: number, what: string): void {
  expectWithin(BACK_WITHIN_MS, tookMs, what)
}

export function expectWithin(limitMs: number, tookMs: number, what: string): void {
  console.log(`${what}: in sync ${tookMs} ms after the network was back`)
  expect(tookMs, what).toBeLessThan(limitMs)
}
