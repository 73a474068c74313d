import { soon } from '../base/soon.js'
import type { Ready } from '../raft/index.js'

// What others wait for leaves before a replica works on what is committed: applying a command takes as long as all the
// rest of its way through a replica, and the next command would wait for it.

/**
 * There are messages, and what is committed can be applied after them: it does not say who the members are.
 * @param isAwaited somebody here waits for a command, which a single entry is likely to be; the others wait for less
 */
export function sendsFirst(
  { snapshot, messages, messagesAfterPersist, committedEntries }: Ready,
  isAwaited: boolean,
): boolean {
  return (
    !(isAwaited && committedEntries.length === 1) &&
    messages.length + messagesAfterPersist.length > 0 &&
    committedEntries.length > 0 &&
    snapshot === undefined &&
    committedEntries.every(({ type }) => type === 'normal')
  )
}

/** Calls `work`, which must not throw, when the messages of this run have left: the links send by `soon` as well. */
export function whenSent(work: () => void): void {
  soon(() => soon(work)) // The run itself ends before the first, and with it the frames are handed to the links.
}
