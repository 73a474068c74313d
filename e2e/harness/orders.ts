/** Every order of the first `count` places. */
export function* orders(count: number): Iterable<readonly number[]> {
  yield* permutations(Array.from({ length: count }, (_, place) => place))
}

function* permutations(items: readonly number[]): Iterable<readonly number[]> {
  if (items.length === 0) yield []
  for (const first of items) {
    for (const rest of permutations(items.filter((item) => item !== first))) yield [first, ...rest]
  }
}
