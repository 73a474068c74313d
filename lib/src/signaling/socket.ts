/** Text frames to a signaling server: the client's only way out. WebSocket in the world, scripted in tests. */
export interface Socket {
  /** Sends one frame; dropped unless the socket is open. Never throws. */
  send(text: string): void
  /** Closes at once. Idempotent; no event fires after it. */
  close(): void
}

export interface SocketEvents {
  open(): void
  message(text: string): void
  /**
   * Could not be opened, or closed later; the last event.
   * @param reason what the platform tells, often nothing
   */
  close(reason: string): void
}

/** Starts connecting. No event fires before it returns. May throw if `url` is one that the platform refuses. */
export type SocketFactory = (url: string, events: SocketEvents) => Socket
