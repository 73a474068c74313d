export type { Clock, Timer } from './clock.js'
export { DEFAULT_LIMITS, type Limits } from './limits.js'
export {
  type ClientMessage,
  type ErrorCode,
  type IceServer,
  PROTOCOL_VERSION,
  type ServerMessage,
} from './protocol.js'
export { createSignalingServer, type SignalingServer, type SignalingServerOptions } from './server.js'
