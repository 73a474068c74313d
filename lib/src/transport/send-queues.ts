import { type Frame, frameBytes } from './frames.js'
import { LaneQueue } from './lane-queue.js'
import { LANES, type Lane } from './lanes.js'

/** Always first, in this order, however much waits below. */
const STRICT_LANES = ['control', 'consensus'] as const
/** Bytes per round of the lanes that share what is left. */
const FAIR_SHARES_BYTES = { calls: 16 * 1024, documents: 8 * 1024, bulk: 4 * 1024 } as const

interface FairLane {
  readonly queue: LaneQueue
  readonly shareBytes: number
  /** What this lane may still send in this round; below zero when its last frame took more than was left. */
  creditBytes: number
}

/**
 * Everything that waits on a link, and the order in which it leaves: strict priority for control and consensus, below
 * them fair shares by surplus round robin (deficit round robin, Shreedhar and Varghese 1995, with borrowing).
 */
export class SendQueues {
  readonly #queues: readonly LaneQueue[]
  readonly #strict: readonly LaneQueue[]
  readonly #fair: readonly FairLane[]
  readonly #messageBytes: number
  #turn = 0

  constructor(limitBytes: Readonly<Record<Lane, number>>, messageBytes: number) {
    this.#messageBytes = messageBytes
    this.#queues = LANES.map((lane, index) => new LaneQueue(index, limitBytes[lane], messageBytes))
    this.#strict = STRICT_LANES.map((lane) => this.queue(lane))
    this.#fair = Object.entries(FAIR_SHARES_BYTES).map(([lane, shareBytes]) => ({
      queue: this.queue(lane as Lane),
      shareBytes,
      creditBytes: 0,
    }))
  }

  queue(lane: Lane): LaneQueue {
    return this.#queues[LANES.indexOf(lane)] as LaneQueue
  }

  /**
   * Appends to `batch` the frames for one channel message, less than `usedBytes` of which are taken already.
   * @param isUrgentOnly nothing of the lanes that share
   */
  fill(batch: Frame[], usedBytes: number, isUrgentOnly: boolean): void {
    let roomBytes = this.#messageBytes - usedBytes
    for (;;) {
      const frame = this.#next(roomBytes, isUrgentOnly)
      if (frame === undefined) return
      batch.push(frame)
      roomBytes -= frameBytes(frame)
    }
  }

  /** The lanes that refused a payload and take some again; each once. */
  takeDrained(): readonly Lane[] {
    return LANES.filter((_, index) => this.#queues[index]?.takeDrained())
  }

  clear(): void {
    for (const queue of this.#queues) queue.clear()
  }

  #next(roomBytes: number, isUrgentOnly: boolean): Frame | undefined {
    for (const queue of this.#strict) {
      if (queue.length > 0) return queue.next(roomBytes)
    }
    return isUrgentOnly ? undefined : this.#nextFair(roomBytes)
  }

  #nextFair(roomBytes: number): Frame | undefined {
    if (this.#fair.every((lane) => lane.queue.length === 0)) return undefined
    for (;;) {
      const lane = this.#fair[this.#turn] as FairLane
      if (lane.queue.length > 0 && lane.creditBytes > 0) return takeFrom(lane, roomBytes)
      this.#nextTurn()
    }
  }

  #nextTurn(): void {
    this.#turn = (this.#turn + 1) % this.#fair.length
    const lane = this.#fair[this.#turn] as FairLane
    lane.creditBytes = lane.queue.length === 0 ? 0 : Math.min(lane.creditBytes + lane.shareBytes, lane.shareBytes)
  }
}

function takeFrom(lane: FairLane, roomBytes: number): Frame | undefined {
  const frame = lane.queue.next(roomBytes)
  if (frame !== undefined) lane.creditBytes -= frameBytes(frame)
  return frame
}
