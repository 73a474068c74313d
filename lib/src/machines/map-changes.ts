import { type Branch, isBranch, type Leaf, type Node, type SortedMap } from './sorted-map.js'

export interface Difference<V> {
  readonly key: string
  /** Undefined if the key is gone. */
  readonly value: V | undefined
  /** Undefined if the key is new. */
  readonly previous: V | undefined
}

/**
 * The keys with other values, in order. Looks only at nodes that the two maps do not share, so that it costs as much as
 * the changes between them.
 */
export function differences<V>(before: SortedMap<V>, after: SortedMap<V>): Difference<V>[] {
  const [oldLeaves, newLeaves] = unsharedLeaves(before, after)
  const previous = new Map(oldLeaves.flatMap(entriesOf))
  const current = new Map(newLeaves.flatMap(entriesOf))
  const keys = [...new Set([...previous.keys(), ...current.keys()])]
  return keys
    .filter((key) => previous.get(key) !== current.get(key))
    .sort((a, b) => (a < b ? -1 : 1))
    .map((key) => ({ key, value: current.get(key), previous: previous.get(key) }))
}

/** Walks down both trees level by level and leaves out what is in both. */
function unsharedLeaves<V>(before: SortedMap<V>, after: SortedMap<V>): [Leaf<V>[], Leaf<V>[]] {
  const heights = [heightOf(before.root), heightOf(after.root)] as const
  let levels = unshared([before.root], [after.root])
  for (let height = Math.max(...heights); height > 0; height--) {
    const [a, b] = levels
    levels = unshared(heights[0] < height ? a : a.flatMap(childrenOf), heights[1] < height ? b : b.flatMap(childrenOf))
  }
  return levels as [Leaf<V>[], Leaf<V>[]]
}

function unshared<V>(a: readonly Node<V>[], b: readonly Node<V>[]): [Node<V>[], Node<V>[]] {
  const [inA, inB] = [new Set(a), new Set(b)]
  return [a.filter((node) => !inB.has(node)), b.filter((node) => !inA.has(node))]
}

function childrenOf<V>(node: Node<V>): readonly Node<V>[] {
  return (node as Branch<V>).children
}

function entriesOf<V>({ keys, values }: Leaf<V>): [string, V][] {
  return keys.map((key, i) => [key, values[i] as V])
}

/** 0 for a leaf. */
function heightOf(root: Node<unknown>): number {
  let height = 0
  for (let node: Node<unknown> | undefined = root; node !== undefined && isBranch(node); node = node.children[0]) {
    height++
  }
  return height
}
