/** What happened in a storm, or in many. */
export interface StormCounts {
  minutes: number
  acknowledged: number
  opens: number
  closes: number
  leaves: number
  reloads: number
  crashes: number
  sleeps: number
  /** Votes of durable tabs that another tab of the host took over. */
  takeovers: number
  /** Votes that came with a goodbye. */
  adoptions: number
  /** Clusters that lost their quorum for good, in seeds that allow it. */
  lost: number
  /** The longest time from the end of the storm until all peers agree, have the voters they should, and answer. */
  recoveryMs: number
}

export function newCounts(): StormCounts {
  return {
    minutes: 0,
    acknowledged: 0,
    opens: 0,
    closes: 0,
    leaves: 0,
    reloads: 0,
    crashes: 0,
    sleeps: 0,
    takeovers: 0,
    adoptions: 0,
    lost: 0,
    recoveryMs: 0,
  }
}
