/**
 * An immutable sorted map of plain frozen objects, for states: a B+ tree. A change copies a few small nodes however
 * large the map is, and shares all others with the map before. Keys are ordered by UTF-16 code units, as by `<`.
 *
 * Invariants: the keys of a node ascend; `keys[i]` of a branch is not above any key in `children[i]`, and above all keys
 * in `children[i - 1]`; all leaves are at the same depth; no node but the root is empty, none has more than
 * MAX_ITEMS items; a root branch has two children at least.
 */
export interface SortedMap<V> {
  readonly size: number
  readonly root: Node<V>
}

export type Node<V> = Leaf<V> | Branch<V>

export interface Leaf<V> {
  readonly keys: readonly string[]
  readonly values: readonly V[]
}

export interface Branch<V> {
  readonly keys: readonly string[]
  readonly children: readonly Node<V>[]
}

export type Entry<V> = readonly [key: string, value: V]

const MAX_ITEMS = 32

export function emptyMap<V>(): SortedMap<V> {
  return freezeMap(0, leaf<V>([], []))
}

export function getValue<V>(map: SortedMap<V>, key: string): V | undefined {
  let node = map.root
  while (isBranch(node)) node = childAt(node, childIndex(node.keys, key))
  const at = lowerBound(node.keys, key)
  return node.keys[at] === key ? node.values[at] : undefined
}

/** All entries from `from` on, in order. */
export function entriesFrom<V>(map: SortedMap<V>, from: string): Iterable<Entry<V>> {
  return nodeEntries(map.root, from)
}

/** @param value frozen, and not undefined: that is no value */
export function withEntry<V>(map: SortedMap<V>, key: string, value: V): SortedMap<V> {
  const isNew = getValue(map, key) === undefined
  const nodes = inserted(map.root, key, value)
  return freezeMap(map.size + (isNew ? 1 : 0), nodes.length === 1 ? (nodes[0] as Node<V>) : branch(nodes))
}

/** The same map if there is no such key. */
export function withoutEntry<V>(map: SortedMap<V>, key: string): SortedMap<V> {
  if (getValue(map, key) === undefined) return map
  let root = removed(map.root, key)
  while (root !== undefined && isBranch(root) && root.children.length === 1) root = root.children[0]
  return root === undefined ? emptyMap() : freezeMap(map.size - 1, root)
}

export function isBranch<V>(node: Node<V>): node is Branch<V> {
  return 'children' in node
}

function* nodeEntries<V>(node: Node<V>, from: string): Iterable<Entry<V>> {
  if (isBranch(node)) {
    for (let i = childIndex(node.keys, from); i < node.children.length; i++) yield* nodeEntries(childAt(node, i), from)
  } else {
    for (let i = lowerBound(node.keys, from); i < node.keys.length; i++) {
      yield [node.keys[i] as string, node.values[i] as V]
    }
  }
}

/** The node with the entry, or the two into which it is split. */
function inserted<V>(node: Node<V>, key: string, value: V): readonly Node<V>[] {
  if (isBranch(node)) {
    const at = childIndex(node.keys, key)
    return halves(withChildren(node, at, inserted(childAt(node, at), key, value)))
  }
  const at = lowerBound(node.keys, key)
  if (node.keys[at] === key) return [leaf(node.keys, replaced(node.values, at, 1, [value]))]
  return halves(leaf(replaced(node.keys, at, 0, [key]), replaced(node.values, at, 0, [value])))
}

/** The node without the key, which is there; undefined if nothing is left. */
function removed<V>(node: Node<V>, key: string): Node<V> | undefined {
  if (!isBranch(node)) {
    const at = lowerBound(node.keys, key)
    return node.keys.length === 1 ? undefined : leaf(replaced(node.keys, at, 1, []), replaced(node.values, at, 1, []))
  }
  const at = childIndex(node.keys, key)
  const child = removed(childAt(node, at), key)
  if (child !== undefined) return mergedAround(withChildren(node, at, [child]), at)
  return node.children.length === 1 ? undefined : withChildren(node, at, [])
}

/** The branch with these children instead of the one at `at`. */
function withChildren<V>(node: Branch<V>, at: number, children: readonly Node<V>[]): Branch<V> {
  const first = children[0]
  const keepsKeys = children.length === 1 && first?.keys[0] === node.keys[at]
  const keys = keepsKeys ? node.keys : Object.freeze(replaced(node.keys, at, 1, children.map(firstKey)))
  return Object.freeze({ keys, children: Object.freeze(replaced(node.children, at, 1, children)) })
}

/** Puts the child at `at` and one neighbour together if they fit into one. */
function mergedAround<V>(node: Branch<V>, at: number): Branch<V> {
  const left = fit(node, at) ? at : at - 1
  if (!fit(node, left)) return node
  const whole = joined(childAt(node, left), childAt(node, left + 1))
  return branch(replaced(node.children, left, 2, [whole]))
}

function fit<V>({ children }: Branch<V>, at: number): boolean {
  const [left, right] = [children[at], children[at + 1]]
  return left !== undefined && right !== undefined && left.keys.length + right.keys.length <= MAX_ITEMS
}

/** Both are of the same kind, being at the same depth. */
function joined<V>(left: Node<V>, right: Node<V>): Node<V> {
  return isBranch(left)
    ? branch([...left.children, ...(right as Branch<V>).children])
    : leaf([...left.keys, ...right.keys], [...left.values, ...(right as Leaf<V>).values])
}

/** The node, in two if it has too many items. */
function halves<V>(node: Node<V>): readonly Node<V>[] {
  const { length } = node.keys
  return length <= MAX_ITEMS ? [node] : [part(node, 0, length >> 1), part(node, length >> 1, length)]
}

function part<V>(node: Node<V>, from: number, to: number): Node<V> {
  return isBranch(node)
    ? branch(node.children.slice(from, to))
    : leaf(node.keys.slice(from, to), node.values.slice(from, to))
}

function leaf<V>(keys: readonly string[], values: readonly V[]): Leaf<V> {
  return Object.freeze({ keys: Object.freeze(keys), values: Object.freeze(values) })
}

function branch<V>(children: readonly Node<V>[]): Branch<V> {
  return Object.freeze({ keys: Object.freeze(children.map(firstKey)), children: Object.freeze(children) })
}

function freezeMap<V>(size: number, root: Node<V>): SortedMap<V> {
  return Object.freeze({ size, root })
}

function replaced<T>(items: readonly T[], at: number, count: number, by: readonly T[]): T[] {
  const copy = [...items] // V8 copies frozen arrays ten times faster so than by slice
  copy.splice(at, count, ...by)
  return copy
}

function childAt<V>(node: Branch<V>, at: number): Node<V> {
  return node.children[at] as Node<V>
}

function firstKey(node: Node<unknown>): string {
  return node.keys[0] as string
}

/** Where `key` is or would be. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((keys[middle] as string) < key) low = middle + 1
    else high = middle
  }
  return low
}

/** The child that holds or would hold `key`. */
function childIndex(keys: readonly string[], key: string): number {
  const at = lowerBound(keys, key)
  return keys[at] === key ? at : Math.max(0, at - 1)
}
