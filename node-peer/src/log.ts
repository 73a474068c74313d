import type { Logger } from 'legion-mesh'

/** Writes one event as one line of JSON: its time, its name, what it tells. */
export type Log = (event: string, details?: Readonly<Record<string, unknown>>) => void

export const logToStdout: Log = (event, details = {}) => {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...details })}\n`)
}

/** What the library has to say, from `info` on. */
export function libraryLogger(log: Log): Logger {
  const at =
    (level: 'info' | 'warn' | 'error') =>
    (message: string, ...details: unknown[]) =>
      log(level, { message, ...(details.length > 0 && { details: details.map(describe) }) })
  return { debug: () => {}, info: at('info'), warn: at('warn'), error: at('error') }
}

/** Errors have no JSON of their own. */
function describe(value: unknown): unknown {
  return value instanceof Error ? value.message : value
}
