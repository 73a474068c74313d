export type { AuthorizationRequest, Authorize, Grant, Verdict } from './authorizer.js'
export type { Clock, Timer } from './clock.js'
export { DEFAULT_LIMITS, type Limits } from './limits.js'
export { jsonLog, LOG_LEVELS, type Log, type LogLevel } from './log.js'
export {
  type ClientMessage,
  type ErrorCode,
  type IceServer,
  PROTOCOL_VERSION,
  type ServerMessage,
} from './protocol.js'
export type { RedisOptions } from './redis-backplane.js'
export {
  type CloseOptions,
  createSignalingServer,
  type SignalingServer,
  type SignalingServerOptions,
} from './server.js'
export { type TurnOptions, turnCredentials } from './turn.js'
