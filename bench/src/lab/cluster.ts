import { setTimeout } from 'node:timers/promises'
import type { PeerId } from 'legion-mesh'
import type { JoinSettings } from '../peer/legion-tasks.js'
import type { PeerProcess } from './peer-process.js'

const SETTLE_TIMEOUT_MS = 30_000
const POLL_MS = 50

/** Peers in processes of their own, each linked with each; as many of them vote as make sense: an odd number. */
export class Cluster {
  readonly peers: readonly PeerProcess[]
  readonly leader: PeerProcess
  readonly leaderId: PeerId
  readonly followers: readonly PeerProcess[]

  static async start(peers: readonly PeerProcess[], settings: readonly JoinSettings[]): Promise<Cluster> {
    for (const [i, peer] of peers.entries()) await peer.ask('join', at(settings, i))
    const views = await settled(peers)
    const leaderAt = views.findIndex(({ self, leader }) => self === leader)
    return new Cluster(
      peers,
      leaderAt,
      views.map(({ self }) => self),
    )
  }

  private constructor(peers: readonly PeerProcess[], leaderAt: number, ids: readonly PeerId[]) {
    this.peers = peers
    this.leader = at(peers, leaderAt)
    this.leaderId = at(ids, leaderAt)
    this.followers = peers.filter((peer) => peer !== this.leader)
  }

  get follower(): PeerProcess {
    return at(this.followers, 0)
  }

  /** @throws Error if another peer leads now: what was measured was not what was meant */
  async requireSameLeader(): Promise<void> {
    const { leader } = await this.follower.ask('view')
    if (leader !== this.leaderId) throw new Error(`The leader changed from ${this.leaderId} to ${leader}.`)
  }
}

async function settled(peers: readonly PeerProcess[]) {
  const wantedVoters = peers.length - (1 - (peers.length % 2))
  const endMs = Date.now() + SETTLE_TIMEOUT_MS
  for (;;) {
    const views = await Promise.all(peers.map((peer) => peer.ask('view')))
    const isSettled = views.every(
      ({ leader, members, voters, links }) =>
        members === peers.length &&
        voters === wantedVoters &&
        links === peers.length - 1 &&
        leader !== undefined &&
        leader === views[0]?.leader,
    )
    if (isSettled) return views
    if (Date.now() > endMs) throw new Error(`The cluster does not settle: ${JSON.stringify(views)}`)
    await setTimeout(POLL_MS)
  }
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index]
  if (item === undefined) throw new Error(`there is no item ${index} of ${items.length}`)
  return item
}
