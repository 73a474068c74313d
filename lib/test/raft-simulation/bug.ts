/**
 * Mistakes that somebody could make in a Raft core, each as a change of the sources. They exist in copies of the
 * sources only (`plant.ts`).
 */
export interface Bug {
  readonly name: string
  readonly mistake: string
  readonly patches: readonly Patch[]
  /** In `npm test` the first tier that is quick to catch it is enough. */
  readonly tier: Tier
}

/** Kept schedules and seeds; seeds in which replicas end; the tests of adoption and of lost data. */
export type Tier = 'seeds' | 'goodbyes' | 'tests'

export interface Patch {
  /** In lib/src/raft. */
  readonly file: string
  /** Has to be there exactly once. */
  readonly text: string
  readonly instead: string
}

export function bug(name: string, mistake: string, ...patches: readonly (readonly [string, string, string])[]): Bug {
  return { name, mistake, tier: 'seeds', patches: patches.map(([file, text, instead]) => ({ file, text, instead })) }
}
