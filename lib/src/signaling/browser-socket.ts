import type { SocketFactory } from './socket.js'
import { adaptWebSocket } from './web-socket.js'

/** The adapter to the platform's own WebSocket. */
export const browserSocket: SocketFactory = (url, events) => adaptWebSocket(new WebSocket(url), events)
