import { errors, jwtVerify } from 'jose'
import type { Authorize, Verdict } from 'legion-signaling'

/** Who signs the tokens of our users, and for whom. */
export const ISSUER = 'https://login.example.org'
export const AUDIENCE = 'legion-signaling'

/**
 * Lets in who shows a JWT that our login server signed. A claim `room` binds it to one room, the hash that
 * `AuthorizationRequest.room` is; without it the token opens every room that its owner knows.
 *
 * @param key the login server's; for a public one give `jwtVerify` the function of `createRemoteJWKSet(url)` instead
 */
export function jwtAuthorize(key: Uint8Array): Authorize {
  return async ({ credential, room }) => {
    if (credential === undefined) return { refused: 'no token' }
    try {
      const { payload } = await jwtVerify(credential, key, { issuer: ISSUER, audience: AUDIENCE })
      const opens = payload['room'] === undefined || payload['room'] === room
      return opens ? { name: payload.sub } : { refused: 'a token for another room' }
    } catch (error) {
      return refusal(error)
    }
  }
}

/** What is wrong with the token is the client's fault; whatever else goes wrong is ours, and the server's log gets it. */
function refusal(error: unknown): Verdict {
  if (error instanceof errors.JOSEError) return { refused: error.code }
  throw error
}
