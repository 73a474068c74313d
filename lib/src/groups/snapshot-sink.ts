/** Where a receiver puts the chunks of one snapshot. Called one at a time; each waits for the one before. */
export interface SnapshotSink {
  /** @param chunk may be a view of a larger buffer; is not changed afterwards. @throws if it can not take it */
  add(chunk: Uint8Array): Promise<void> | void
  /** All chunks were added and are the sender's. @throws if they are no snapshot after all */
  finish(): Promise<void> | void
  /** There will be no more; nothing else is called after it. `add` or `finish` may be under way. */
  abort(): void
}
