import type { MemberChange, MemberChangeType, Transition } from '../../raft/config-change.js'
import type { VoterId } from '../../raft/types.js'

/**
 * One thing that happens to a simulated cluster: plain data, so that a schedule can be generated, shrunk, printed and
 * kept. Whatever can't happen (a message that is not there, a crash of who is down) does nothing.
 */
export interface Step {
  readonly verb: Verb
  /** To whom it happens; of messages and links, the sender. */
  readonly who: VoterId
  /** The other side. */
  readonly peer?: VoterId | undefined
  /** See `VERBS`. 0 if left out. */
  readonly count?: number | undefined
  readonly change?: ChangeWish | undefined
}

export interface ChangeWish {
  readonly transition: Transition
  readonly changes: readonly MemberChange[]
}

/** What can happen. */
export const VERBS = [
  /** `count` ticks, at least one. */
  'tick',
  /** The message number `count` on the way from `who` to `peer` arrives. */
  'deliver',
  /** It gets lost. */
  'drop',
  /** It arrives, and stays on the way. */
  'duplicate',
  /** The next Ready is taken: its batch is on the way to the disk, what need not wait for it is sent. */
  'write',
  /** The batch is durable: what waited is sent and applied. */
  'sync',
  /** A write and a sync in one. */
  'ready',
  /** `who` is gone; of the writes since the last sync the first `count` survive. */
  'crash',
  'restart',
  /** `who` says goodbye for ever, to all but those replicas whose bit is set in `count`. */
  'goodbye',
  /** `count` entries, at least one. */
  'propose',
  'read',
  'change',
  /** `who` is asked to hand leadership to `peer`. */
  'transfer',
  'campaign',
  'wake',
  /** `who` tells everyone what is committed. */
  'release',
  /** A checkpoint of the state, and all of the log before it but `count` entries is forgotten. */
  'compact',
  /** Messages from `who` to `peer` are lost from now on. */
  'cut',
  /** They are not any more. */
  'mend',
  /** `who` is told that messages to `peer` get lost. */
  'unreachable',
  /** `who` is told that its snapshot to `peer` arrived (`count` 1) or did not (0). */
  'report-snapshot',
  /** All that goes on between `who` and `peer`, or `who` and everybody, until there is nothing to do. */
  'settle',
] as const

export type Verb = (typeof VERBS)[number]

const LETTERS: Readonly<Record<MemberChangeType, string>> = {
  'add-voter': 'v',
  'add-learner': 'l',
  'add-witness': 'w',
  remove: 'r',
}
const FORMAT = /^([a-z-]+) (\w+)(?:>(\w+))?(?: (\d+))?(?: (auto|implicit|explicit)((?: [vlwr]\w+)*))?$/

/** `tick a 3`, `deliver a>b`, `change a implicit vd rb`: the text form of schedules. */
export function formatStep({ verb, who, peer, count = 0, change }: Step): string {
  let text = `${verb} ${who}`
  if (peer !== undefined) text += `>${peer}`
  if (count > 0) text += ` ${count}`
  if (change !== undefined) text += ` ${[change.transition, ...change.changes.map(formatChange)].join(' ')}`
  return text
}

/** The inverse of `formatStep`. @throws Error for anything else */
export function parseStep(text: string): Step {
  const [, verb, who, peer, count, transition, words] = FORMAT.exec(text) ?? []
  if (!VERBS.includes(verb as Verb)) throw new Error(`no step of a schedule: ${text}`)
  return {
    verb: verb as Verb,
    who: who as VoterId,
    peer: peer as VoterId | undefined,
    count: Number(count ?? 0),
    change: transition === undefined ? undefined : { transition: transition as Transition, changes: parseWords(words) },
  }
}

function formatChange({ type, id }: MemberChange): string {
  return LETTERS[type] + id
}

function parseWords(words = ''): MemberChange[] {
  const types = Object.keys(LETTERS) as MemberChangeType[]
  return words
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => ({
      type: types.find((type) => LETTERS[type] === word.charAt(0)) as MemberChangeType,
      id: word.slice(1) as VoterId,
    }))
}
