export type Seats = Readonly<Record<string, string>>

export interface SeatChange {
  readonly seat: string
  /** PeerIds; undefined: free. */
  readonly before: string | undefined
  readonly after: string | undefined
}

/** Which seats changed hands between two states. */
export function seatChanges(before: Seats, after: Seats): SeatChange[] {
  const seats = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...seats]
    .map((seat) => ({ seat, before: before[seat], after: after[seat] }))
    .filter((change) => change.before !== change.after)
}
