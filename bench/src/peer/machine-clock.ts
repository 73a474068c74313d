/** Milliseconds of the system's monotonic clock: the same in all processes of one machine. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
