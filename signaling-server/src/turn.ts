import { createHmac } from 'node:crypto'
import type { IceServer } from './protocol.js'

export interface TurnOptions {
  /** `turn:host:port`, with `?transport=tcp` for TCP; `turns:` for TLS. */
  readonly urls: string | readonly string[]
  /** What the TURN server knows too; of coturn, `static-auth-secret`. */
  readonly secret: string
  /** How long credentials admit new allocations. Those that exist go on. Default: 3600. */
  readonly ttlSeconds?: number | undefined
}

export const DEFAULT_TURN_TTL_SECONDS = 3600

/**
 * Credentials that a TURN server takes without having heard of them: the user is `expiry:name`, the password its HMAC
 * ("A REST API For Access To TURN Services", draft-uberti-behave-turn-rest-00, section 2.2; coturn: `use-auth-secret`).
 *
 * @param name shown in the TURN server's logs and quotas
 */
export function turnCredentials(options: TurnOptions, name = 'legion', wallClockMs = Date.now()): IceServer {
  const { urls, secret, ttlSeconds = DEFAULT_TURN_TTL_SECONDS } = options
  const username = `${Math.floor(wallClockMs / 1000) + ttlSeconds}:${name}`
  const credential = createHmac('sha1', secret).update(username).digest('base64')
  return { urls: typeof urls === 'string' ? urls : [...urls], username, credential }
}
