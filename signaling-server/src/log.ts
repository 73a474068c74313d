/** From most to least important. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What happened, never what peers say. `fields` are plain values. */
export type Log = (level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>) => void

export const silentLog: Log = () => {}

/** One JSON line per event of this level or a more important one: `{"time":…,"level":…,"event":…,…fields}`. */
export function jsonLog(least: LogLevel, write: (line: string) => void, now: () => Date = () => new Date()): Log {
  const shown = new Set<LogLevel>(LOG_LEVELS.slice(0, LOG_LEVELS.indexOf(least) + 1))
  return (level, event, fields) => {
    if (shown.has(level)) write(`${JSON.stringify({ time: now().toISOString(), level, event, ...fields })}\n`)
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
