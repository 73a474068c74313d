import type { ClusterId } from '../base/ids.js'
import type { Link } from '../transport/link.js'
import type { Attempt } from './attempt.js'
import { CONTROL_PORT, type ControlMessage, encodeControl } from './control.js'
import type { Identity } from './handshake.js'
import type { PeerInfo, PeerStatus } from './peer-info.js'

/** A peer and the open link to it. What it shows as a PeerStatus is live. */
export class LinkedPeer implements PeerStatus {
  readonly info: PeerInfo
  readonly link: Link
  /** What the link came from; carries the channel's later signals. */
  readonly attempt: Attempt
  /** When it was linked. */
  readonly sinceMs: number
  readonly via = undefined
  clusterId: ClusterId | undefined

  constructor(attempt: Attempt, link: Link, { info, clusterId }: Identity, sinceMs: number) {
    this.attempt = attempt
    this.link = link
    this.info = info
    this.clusterId = clusterId
    this.sinceMs = sinceMs
  }

  get rttMs(): number | undefined {
    return this.link.rttMs
  }

  /** Nothing was heard of it for so long that the link should not be counted on. */
  get isDoubted(): boolean {
    return this.link.isDoubted
  }

  /** @returns false if the lane's queue is full */
  say(message: ControlMessage): boolean {
    return this.link.send('control', CONTROL_PORT, encodeControl(message))
  }

  /**
   * Which of two links to one peer survives; both ends judge alike. Of two boots the one that greeted last: the other
   * is over. Of one boot the newer attempt: nobody makes one without having lost the older.
   */
  supersedes(older: LinkedPeer): boolean {
    if (this.info.bootNonce !== older.info.bootNonce) return true
    return this.attempt.id.number > older.attempt.id.number
  }
}
