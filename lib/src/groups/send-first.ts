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

/** Resolves when the messages of this run have left: the links send at the end of the work at hand, see `soon`. */
export async function sent(): Promise<void> {
  await undefined // The run itself ends, and with it the frames are handed to the links.
  await undefined
}
