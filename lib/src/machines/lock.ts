import type { PeerId } from '../base/ids.js'
import { buildMachine } from './define-machine.js'
import type { Drafting } from './edit.js'
import {
  draftLeased,
  emptyLeasedMap,
  finishLeased,
  type LeasedDraft,
  type LeasedMap,
  liveValue,
  purge,
  putEntry,
  removeEntry,
} from './leased-map.js'
import { endOf, leaseEnd, putLease } from './leases.js'
import { Rejected } from './rejected.js'
import { entriesFrom } from './sorted-map.js'

/** To be read by the queries of `lock` only: its shape is no promise. Every entry has a lease. */
export interface LockState extends LeasedMap<Grant> {
  /** The highest that was given. */
  readonly lastToken: number
}

interface Grant {
  readonly holder: PeerId
  readonly token: number
}

export interface LockHolder extends Grant {
  /** When the lease ends, in log time: milliseconds since 1970. */
  readonly leaseEnd: number
}

export interface LockAcquire {
  /** Of the lock; any text. */
  readonly name: string
  /** The lock is free again so many milliseconds later, in log time, unless it is renewed. */
  readonly ttlMs: number
}

export interface LockRenew extends LockAcquire {
  readonly token: number
}

export interface LockRelease {
  readonly name: string
  readonly token: number
}

interface LockDraft extends LeasedDraft<Grant> {
  lastToken: number
}

const drafting: Drafting<LockState, LockDraft> = {
  draft: (state) => ({ lastToken: state.lastToken, ...draftLeased(state) }),
  finish({ lastToken, ...draft }, before) {
    const { entries, leases } = finishLeased(draft, before)
    const isSame = entries === before.entries && leases === before.leases && lastToken === before.lastToken
    return isSame ? before : Object.freeze({ lastToken, entries, leases })
  },
}

/**
 * Locks by name, each with a lease in log time (see `kv`). A lock is freed by its release, by the end of its lease, or
 * when the last replica of its holder leaves the group; a holder that never had one keeps it until the lease ends.
 *
 * Every grant has a *fencing token*, a number above those of all grants before it, of whatever lock. A holder that was
 * stopped for longer than its lease does not know that another one has the lock now: send the token along with what the
 * lock protects, and let the receiver refuse all lower ones than it has seen (Martin Kleppmann, "How to do distributed
 * locking", 2016).
 */
export const lock = buildMachine(
  {
    name: 'lock',
    version: 1,
    initial: (): LockState => ({ lastToken: 0, ...emptyLeasedMap<Grant>() }),
    commands: {
      /**
       * For the peer that asks, if the lock is free; otherwise tells who has it. Who has it already does not get it
       * again: two parts of one program must not both believe to be alone.
       */
      acquire(draft: LockDraft, { name, ttlMs }: LockAcquire, { from, timestampMs }) {
        const found = current(draft, name, timestampMs)
        if (found !== undefined) {
          purge(draft, name, timestampMs)
          return { ok: false, holder: found.holder }
        }
        const end = leaseEnd(timestampMs, ttlMs)
        purge(draft, name, timestampMs)
        const token = ++draft.lastToken
        putEntry(draft, name, Object.freeze({ holder: from, token }))
        putLease(draft.leases, name, end)
        return { ok: true, token }
      },

      /** Makes the lease end `ttlMs` from now. False if the token's grant is over. */
      renew(draft, { name, token, ttlMs }: LockRenew, { timestampMs }) {
        const isHeld = current(draft, name, timestampMs)?.token === token
        const end = isHeld ? leaseEnd(timestampMs, ttlMs) : undefined
        purge(draft, name, timestampMs)
        if (end !== undefined) putLease(draft.leases, name, end)
        return isHeld
      },

      /** False if the token's grant is over. */
      release(draft, { name, token }: LockRelease, { timestampMs }) {
        const isHeld = current(draft, name, timestampMs)?.token === token
        purge(draft, name, timestampMs)
        if (isHeld) removeEntry(draft, name)
        return isHeld
      },
    },
    queries: {
      /** Null if the lock is free. */
      holder(state, name: string, { timestampMs }): LockHolder | null {
        const grant = liveValue(state, requireName(name), timestampMs)
        const leaseEnd = endOf(state.leases, name)
        return grant === undefined || leaseEnd === undefined ? null : { ...grant, leaseEnd }
      },
    },
    memberLeft(draft, peer) {
      const left = [...entriesFrom(draft.entries, '')].filter(([, { holder }]) => holder === peer)
      for (const [name] of left) removeEntry(draft, name)
    },
  },
  drafting,
)

/** Who has the lock, before anything is changed. */
function current(draft: LockDraft, name: string, nowMs: number): Grant | undefined {
  return liveValue(draft, requireName(name), nowMs)
}

function requireName(name: string): string {
  if (typeof name !== 'string') throw new Rejected('The name of a lock must be a string.')
  return name
}
