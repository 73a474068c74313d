/** Something happened that Raft rules out. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

export function rule(holds: boolean, describe: () => string): asserts holds {
  if (!holds) throw new Violation(describe())
}
