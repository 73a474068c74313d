/** What two WebRTC connectors tell each other before they have a channel: JSON in bytes. */
export type WebRtcSignal = DescriptionSignal | CandidateSignal | RestartSignal

export interface DescriptionSignal {
  readonly type: 'offer' | 'answer'
  readonly sdp: string
  /** The sender's WebRTC implementation: pairs differ in what they can do. Older peers do not tell. */
  readonly stack?: string | undefined
}

/** Asks the side that may do it to restart ICE, on an open connection. */
export interface RestartSignal {
  readonly type: 'restart'
}

export interface CandidateSignal {
  readonly type: 'candidate'
  readonly candidate: string
  readonly sdpMid: string | null
  readonly sdpMLineIndex: number | null
}

/** A description with dozens of candidates has a few KiB. */
const MAX_SIGNAL_BYTES = 64 * 1024

export function encodeSignal(signal: WebRtcSignal): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(signal))
}

/** Total: undefined for any bytes that are not a signal. */
export function decodeSignal(bytes: Uint8Array): WebRtcSignal | undefined {
  const value = bytes.length <= MAX_SIGNAL_BYTES ? parseJson(new TextDecoder().decode(bytes)) : undefined
  if (typeof value !== 'object' || value === null) return undefined
  return asDescription(value) ?? asCandidate(value) ?? asRestart(value)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function asDescription(value: Partial<Record<string, unknown>>): DescriptionSignal | undefined {
  const { type, sdp, stack } = value
  if ((type !== 'offer' && type !== 'answer') || typeof sdp !== 'string') return undefined
  return { type, sdp, stack: typeof stack === 'string' ? stack : undefined }
}

function asRestart({ type }: Partial<Record<string, unknown>>): RestartSignal | undefined {
  return type === 'restart' ? { type } : undefined
}

function asCandidate(value: Partial<Record<string, unknown>>): CandidateSignal | undefined {
  const { type, candidate, sdpMid = null, sdpMLineIndex = null } = value
  if (type !== 'candidate' || typeof candidate !== 'string') return undefined
  if (sdpMid !== null && typeof sdpMid !== 'string') return undefined
  if (sdpMLineIndex !== null && typeof sdpMLineIndex !== 'number') return undefined
  return { type, candidate, sdpMid, sdpMLineIndex }
}
