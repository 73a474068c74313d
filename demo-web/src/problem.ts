import { type ErrorCode, LegionError } from 'legion-mesh'

/** What went wrong, for people. */
export interface Problem {
  readonly code: ErrorCode | undefined
  readonly sentence: string
}

export function problemOf(error: unknown): Problem {
  if (!LegionError.is(error))
    return { code: undefined, sentence: error instanceof Error ? error.message : String(error) }
  const doubt = error.outcome === 'unknown' ? ' It may still take effect.' : ''
  return { code: error.code, sentence: `${error.message}${doubt}` }
}
