import { invariant } from '../../base/errors.js'
import { seededRandom } from '../../base/random.js'
import { foundingState, RawNode } from '../../raft/index.js'
import type { Message } from '../../raft/messages.js'
import type { Ready, VoterId } from '../../raft/types.js'

const VOTERS = ['a', 'b', 'c'] as VoterId[]
const ELECTION_TICKS = 10
const COMPACT_EVERY = 10_000

/**
 * Three voters in one process, with nothing but a queue between them and no storage: what the cores alone can do.
 * Everything succeeds at once.
 */
export class FairWeather {
  readonly #nodes: readonly RawNode[]
  readonly #byId = new Map<VoterId, RawNode>()
  #queue: Message[] = []
  #events = 0
  #applied = 0

  constructor() {
    this.#nodes = VOTERS.map((id) => {
      const random = seededRandom(id.charCodeAt(0))
      const node = new RawNode({
        id,
        random,
        snapshot: () => undefined,
        initial: foundingState(VOTERS),
        electionTicks: ELECTION_TICKS,
        heartbeatTicks: 1,
      })
      this.#byId.set(id, node)
      return node
    })
    this.#leader.campaign()
    this.#settle()
    invariant(this.#leader.status().role === 'leader', () => 'the first replica does not lead')
  }

  /** Ticks, messages, proposals and Readies so far. */
  get events(): number {
    return this.#events
  }

  /** Entries that the leader applied. */
  get applied(): number {
    return this.#applied
  }

  get #leader(): RawNode {
    return this.#nodes[0] as RawNode
  }

  /** Time passes for everybody. */
  tick(): void {
    for (const node of this.#nodes) node.tick()
    this.#events += this.#nodes.length
    this.#settle()
  }

  /** Each payload is one call; then all of them are replicated. */
  propose(payloads: readonly Uint8Array[]): void {
    for (const payload of payloads) this.#leader.propose([payload])
    this.#events += payloads.length
    this.#settle()
  }

  #settle(): void {
    while (this.#work()) {
      const queue = this.#queue
      this.#queue = []
      for (const message of queue) this.#byId.get(message.to)?.step(message)
      this.#events += queue.length
    }
  }

  #work(): boolean {
    for (const node of this.#nodes) if (node.hasReady()) this.#finish(node, node.ready())
    return this.#queue.length > 0
  }

  #finish(node: RawNode, { messages, messagesAfterPersist, committedEntries }: Ready): void {
    for (const message of messages) this.#queue.push(message)
    for (const message of messagesAfterPersist) this.#queue.push(message)
    node.advance()
    this.#events++
    if (node === this.#leader) this.#applied += committedEntries.length
    const last = committedEntries[committedEntries.length - 1]?.index
    if (last !== undefined && last % COMPACT_EVERY === 0) node.compact(last - COMPACT_EVERY / 2)
  }
}
