/**
 * Microseconds of the system's monotonic clock: the same in all processes of one machine, and the time of everything that
 * a history says.
 */
export function machineMicros(): number {
  return Number(process.hrtime.bigint() / 1000n)
}
