import { setTimeout as sleep } from 'node:timers/promises'
import { type NetworkPeer, until } from './network-peer.js'
import { expect, type NetworkCluster } from './network-test.js'

/** The time that everything may take from the network's return until all agree again. */
export const BACK_WITHIN_MS = 5_000

/** Each is linked with all others, and all vote. */
export async function together(peers: readonly NetworkPeer[]): Promise<void> {
  const names = peers.map(({ name }) => name).sort()
  for (const peer of peers) {
    await linked(
      peer,
      peers.filter((other) => other !== peer),
    )
    await until(peer, 'voterNames', (voters) => voters.join() === names.join())
  }
}

/** Has a link of its own to each of `others`. */
export function linked(peer: NetworkPeer, others: readonly NetworkPeer[]): Promise<void> {
  return until(peer, 'states', (states) => others.every(({ id }) => states[id] === 'direct'))
}

/** Documents and commands have reached everybody, and the one that was away takes part again. */
export async function inSync(peers: readonly NetworkPeer[], away: NetworkPeer): Promise<void> {
  const words = [wordsOf(away), wordsWithout(away)]
  const seat = `${away.name} is back`
  const reserved = reserveStubbornly(away, seat)
  const agreed = peers.map(async (peer) => {
    await until(peer, 'text', (text) => words.every((word) => text.includes(word)))
    await until(peer, 'seats', (seats) => seats[seatWithout(away)] !== undefined && seats[seat] === away.id)
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
  await inSync(peers, away)
  return Math.round(performance.now() - startMs)
}

/** What both sides do while `away` is away. */
export async function meanwhile(other: NetworkPeer, away: NetworkPeer): Promise<void> {
  await Promise.all([away.ask('write', wordsOf(away)), other.ask('write', wordsWithout(away))])
  await reserveStubbornly(other, seatWithout(away))
}

const wordsOf = ({ name }: NetworkPeer) => `${name} alone. `
const wordsWithout = ({ name }: NetworkPeer) => `Without ${name}. `
const seatWithout = ({ name }: NetworkPeer) => `without ${name}`

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
