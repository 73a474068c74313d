import type { Socket, SocketEvents } from './socket.js'

/** What is used of a WebSocket; the platform's own and the one of `ws` both fit. */
export interface WebSocketLike {
  readonly readyState: number
  send(text: string): void
  close(): void
  addEventListener(type: 'open', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  addEventListener(type: 'error', listener: (event: object) => void): void
  addEventListener(type: 'close', listener: (event: { readonly reason: string }) => void): void
}

const OPEN = 1

/** A WebSocket, just created, as a Socket. */
export function adaptWebSocket(webSocket: WebSocketLike, events: SocketEvents): Socket {
  let isClosed = false
  let problem = ''
  webSocket.addEventListener('open', () => isClosed || events.open())
  webSocket.addEventListener('message', ({ data }) => {
    if (!isClosed && typeof data === 'string') events.message(data)
  })
  webSocket.addEventListener('error', (event) => {
    // Browsers say nothing here; `ws` brings a message.
    if ('message' in event && typeof event.message === 'string') problem = event.message
  })
  webSocket.addEventListener('close', ({ reason }) => {
    if (isClosed) return
    isClosed = true
    events.close(problem || reason)
  })
  return {
    send(text) {
      if (!isClosed && webSocket.readyState === OPEN) webSocket.send(text)
    },
    close() {
      isClosed = true
      webSocket.close()
    },
  }
}
