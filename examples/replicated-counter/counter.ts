import { type Entry, foundingState, type Message, RawNode, type Ready, type VoterId } from 'legion-mesh/raft'

/**
 * One replica of a counter, on the Raft core alone: no WebRTC, no mesh, no promises inside. The core says what has to
 * be stored, sent and applied; this class does it.
 */
export class ReplicatedCounter {
  readonly id: VoterId
  readonly #raft: RawNode
  readonly #send: (message: Message) => void
  readonly #reads = new Map<number, { index: number; answer: (count: number) => void }>()
  #lastRead = 0
  #count = 0
  #applied = 1 // the founding is entry 1

  constructor(id: VoterId, members: readonly VoterId[], send: (message: Message) => void) {
    this.id = id
    this.#send = send
    const initial = foundingState(members)
    // A counter this small never forgets its log, so nobody ever needs a snapshot of it.
    this.#raft = new RawNode({ id, random: Math.random, snapshot: () => undefined, initial, electionTicks: 10 })
  }

  get leads(): boolean {
    return this.#raft.status().role === 'leader'
  }

  /** To be called at a steady pace, such as every 100 ms. */
  tick(): void {
    this.#raft.tick()
    this.#work()
  }

  receive(message: Message): void {
    this.#raft.step(message)
    this.#work()
  }

  /** Counts up to 255 more, from any replica. @returns false if no leader is known: try again */
  add(amount: number): boolean {
    const { kind } = this.#raft.propose([new Uint8Array([amount])])
    this.#work()
    return kind !== 'dropped'
  }

  /** Answers with all that was counted, anywhere, before the call. @returns false if no leader is known: try again */
  read(answer: (count: number) => void): boolean {
    const ticket = ++this.#lastRead
    this.#reads.set(ticket, { index: Number.POSITIVE_INFINITY, answer })
    const asked = this.#raft.readIndex(ticket) === undefined
    if (!asked) this.#reads.delete(ticket)
    this.#work()
    return asked
  }

  #work(): void {
    while (this.#raft.hasReady()) {
      const ready = this.#raft.ready()
      for (const message of ready.messages) this.#send(message)
      // A counter that has to survive a power cut writes ready.hardState and ready.entries here, and waits for the disk.
      for (const message of ready.messagesAfterPersist) this.#send(message)
      for (const entry of ready.committedEntries) this.#apply(entry)
      this.#raft.advance()
      this.#answerReads(ready)
    }
  }

  #apply({ type, data, index }: Entry): void {
    if (type === 'normal') this.#count += data[0] ?? 0 // the entry with which a leader starts has no data
    this.#applied = index
  }

  #answerReads({ readStates, refusals }: Ready): void {
    for (const { ticket, index } of readStates) {
      const read = this.#reads.get(ticket)
      if (read !== undefined) read.index = index
    }
    for (const { request, ticket } of refusals) if (request === 'read') this.#reads.delete(ticket)
    for (const [ticket, { index, answer }] of this.#reads) {
      if (index > this.#applied) continue
      this.#reads.delete(ticket)
      answer(this.#count)
    }
  }
}
