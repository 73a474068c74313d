import type { Goodbye, Message } from '../../src/raft/messages.js'
import { emptyState } from '../../src/raft/options.js'
import type { HardState, InitialState } from '../../src/raft/types.js'
import { Cluster, id, ids, NO_BYTES, NO_COMMIT, Replica, type TestOptions } from './cluster.js'

export const MAX_BYTES = 4096

/** `name` ends; its last words are on their way to `hearers`. */
export function end(cluster: Cluster, name: string, hearers?: string): Omit<Goodbye, 'to'> {
  const others = [...cluster.replicas.keys()].filter((each) => each !== name)
  const heard = others.filter((each) => hearers?.includes(each) ?? true)
  const { entries, goodbye } = cluster.get(name).raw.goodbye((to) => heard.includes(to), MAX_BYTES)
  cluster.replicas.delete(id(name))
  for (const to of heard) {
    if (entries !== undefined) cluster.messages.push({ ...entries, to })
    cluster.messages.push({ ...goodbye, to })
  }
  return goodbye
}

/** A cluster whose leader is `a`, with one entry committed everywhere. */
export function led(voters: string, options: TestOptions = {}): Cluster {
  const cluster = new Cluster(voters, options)
  cluster.elect('a').propose('first')
  cluster.settle()
  return cluster
}

export interface Stored {
  readonly voters: string
  readonly learners?: string
  readonly witnesses?: string
  readonly term?: number
  readonly vote?: string
  readonly hosted?: HardState['hosted']
  /** The terms of the entries from index 2 on. */
  readonly log?: readonly number[]
}

export function stored({
  voters,
  learners = '',
  witnesses = '',
  term = 1,
  vote,
  hosted,
  log = [],
}: Stored): InitialState {
  const configuration = {
    ...emptyState.snapshot.configuration,
    voters: ids(voters),
    learners: ids(learners),
    witnesses: ids(witnesses),
  }
  return {
    hardState: { term, vote: vote === undefined ? undefined : id(vote), commit: 1, hosted },
    snapshot: { index: 1, term: 1, configuration },
    entries: log.map((each, i) => ({ term: each, index: i + 2, type: 'normal', data: NO_BYTES })),
  }
}

/** A replica alone, with what it sends. */
export function alone(name: string, initial: Stored, options: TestOptions = {}) {
  const replica = new Replica(id(name), stored(initial), options)
  const sent: Message[] = []
  const work = () => {
    while (replica.raw.hasReady()) {
      const ready = replica.process()
      sent.push(...ready.messages, ...ready.messagesAfterPersist)
    }
    return sent.splice(0)
  }
  const hear = (message: Message) => {
    const ignored = replica.raw.step(message)
    return { ignored, sent: work() }
  }
  return { replica, raw: replica.raw, work, hear, voices: () => replica.raw.voices.join('') }
}

export function goodbye(
  from: string,
  to: string,
  rest: Partial<Omit<Goodbye, 'heirs' | 'ids'>> & { heirs?: string; ids?: string } = {},
): Goodbye {
  const { heirs = to, ids: given = from, ...others } = rest
  const envelope = { type: 'goodbye', from: id(from), to: id(to), term: 1, floor: { index: 1, term: 1 } } as const
  return { ...envelope, ...others, heirs: ids(heirs), ids: ids(given) }
}

export function voteRequest(
  from: string,
  to: string,
  term: number,
  log: { lastIndex: number; lastTerm: number },
): Message {
  return { type: 'vote', from: id(from), to: id(to), term, ...log, transfer: false, ...NO_COMMIT }
}

export const granted = (messages: readonly Message[]) =>
  messages.flatMap((each) => (each.type === 'vote-response' && each.granted ? [(each.speaksFor ?? []).join('')] : []))
export const acknowledged = (messages: readonly Message[]) =>
  messages.flatMap((each) =>
    each.type === 'append-response' && each.rejected === undefined
      ? [[each.index, (each.speaksFor ?? []).join('')]]
      : [],
  )
