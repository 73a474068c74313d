import type { PeerInfo } from './peer-info.js'

/** In UTF-8; room for a token with a few certificates. */
export const MAX_CREDENTIAL_BYTES = 8 * 1024

/** A peer that wants to be linked, as its own words describe it. */
export interface Candidate extends PeerInfo {
  /** What it shows, for example a JWT; undefined if it shows nothing. */
  readonly credential: string | undefined
}

/** Whether a peer may be linked. A function that throws, rejects or gives anything but true says no. */
export type Authorize = (candidate: Candidate) => boolean | Promise<boolean>

/**
 * Never rejects; may never resolve.
 * @param failed gets what the function threw or rejected with
 */
export async function askWhether(
  authorize: Authorize,
  candidate: Candidate,
  failed: (error: unknown) => void,
): Promise<boolean> {
  try {
    return (await authorize(candidate)) === true
  } catch (error) {
    failed(error)
    return false
  }
}
