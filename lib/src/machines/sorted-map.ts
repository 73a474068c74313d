/**
 * An immutable sorted map of plain frozen objects, for states: a B+ tree. It is changed by way of a draft, which copies
 * a few small nodes however large the map is, each of them once, and shares all others with the map before. Keys are
 * ordered by UTF-16 code units, as by `<`.
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

/** A map that is being changed. What is frozen of it may be part of others; what is not is its own. */
export interface MapDraft<V> {
  size: number
  root: Node<V>
}

interface OwnLeaf<V> {
  readonly keys: string[]
  readonly values: V[]
}

interface OwnBranch<V> {
  readonly keys: string[]
  readonly children: Node<V>[]
}

type OwnNode<V> = OwnLeaf<V> | OwnBranch<V>

const MAX_ITEMS = 32

export function emptyMap<V>(): SortedMap<V> {
  return Object.freeze({ size: 0, root: frozenNode<V>({ keys: [], values: [] }) })
}

export function draftMap<V>({ size, root }: SortedMap<V>): MapDraft<V> {
  return { size, root }
}

/** Ends the draft. @returns `before`, from which it was made, if nothing has changed */
export function finishMap<V>({ size, root }: MapDraft<V>, before: SortedMap<V>): SortedMap<V> {
  return root === before.root ? before : Object.freeze({ size, root: frozenNode(root) })
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
export function setEntry<V>(draft: MapDraft<V>, key: string, value: V): void {
  const root = owned(draft.root)
  draft.root = root
  const half = insert(draft, root, key, value)
  if (half !== undefined) draft.root = branch([root, half])
}

/** Changes nothing if there is no such key. */
export function deleteEntry<V>(draft: MapDraft<V>, key: string): void {
  if (getValue(draft, key) === undefined) return
  const own = owned(draft.root)
  remove(own, key)
  let root: Node<V> = own
  while (isBranch(root) && root.children.length === 1) root = root.children[0] as Node<V>
  draft.root = root.keys.length === 0 ? emptyMap<V>().root : root
  draft.size--
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

/** @returns the upper half, if the node was too large for another item: it has only the lower one then */
function insert<V>(map: MapDraft<V>, node: OwnNode<V>, key: string, value: V): Node<V> | undefined {
  if (isOwnBranch(node)) insertBelow(map, node, key, value)
  else if (!insertHere(node, key, value)) return undefined
  else map.size++
  return node.keys.length > MAX_ITEMS ? upperHalf(node) : undefined
}

function insertBelow<V>(map: MapDraft<V>, node: OwnBranch<V>, key: string, value: V): void {
  const at = childIndex(node.keys, key)
  const child = ownChild(node, at)
  const half = insert(map, child, key, value)
  node.keys[at] = firstKey(child)
  if (half === undefined) return
  node.keys.splice(at + 1, 0, firstKey(half))
  node.children.splice(at + 1, 0, half)
}

/** @returns true if the key is new */
function insertHere<V>({ keys, values }: OwnLeaf<V>, key: string, value: V): boolean {
  const at = lowerBound(keys, key)
  if (keys[at] === key) {
    values[at] = value
    return false
  }
  keys.splice(at, 0, key)
  values.splice(at, 0, value)
  return true
}

/** Removes the key, which is there. The node may be empty then. */
function remove<V>(node: OwnNode<V>, key: string): void {
  if (isOwnBranch(node)) {
    removeBelow(node, key)
    return
  }
  const at = lowerBound(node.keys, key)
  node.keys.splice(at, 1)
  node.values.splice(at, 1)
}

function removeBelow<V>(node: OwnBranch<V>, key: string): void {
  const at = childIndex(node.keys, key)
  const child = ownChild(node, at)
  remove(child, key)
  if (child.keys.length > 0) {
    node.keys[at] = firstKey(child)
    mergeAround(node, at)
  } else {
    node.keys.splice(at, 1)
    node.children.splice(at, 1)
  }
}

/** Puts the child at `at` and one neighbour together if they fit into one. */
function mergeAround<V>(node: OwnBranch<V>, at: number): void {
  const left = fit(node, at) ? at : at - 1
  if (!fit(node, left)) return
  append(ownChild(node, left), childAt(node, left + 1))
  node.keys.splice(left + 1, 1)
  node.children.splice(left + 1, 1)
}

function fit<V>({ children }: Branch<V>, at: number): boolean {
  const [left, right] = [children[at], children[at + 1]]
  return left !== undefined && right !== undefined && left.keys.length + right.keys.length <= MAX_ITEMS
}

/** Both are of the same kind, being at the same depth. */
function append<V>(node: OwnNode<V>, next: Node<V>): void {
  node.keys.push(...next.keys)
  if (isOwnBranch(node)) node.children.push(...(next as Branch<V>).children)
  else node.values.push(...(next as Leaf<V>).values)
}

function upperHalf<V>(node: OwnNode<V>): OwnNode<V> {
  const from = node.keys.length >> 1
  const keys = node.keys.splice(from)
  return isOwnBranch(node) ? { keys, children: node.children.splice(from) } : { keys, values: node.values.splice(from) }
}

/** A node that nobody else has: the same, or a copy. */
function owned<V>(node: Node<V>): OwnNode<V> {
  if (!Object.isFrozen(node)) return node as OwnNode<V>
  const keys = [...node.keys] // V8 copies frozen arrays many times faster so than by slice
  return isBranch(node) ? { keys, children: [...node.children] } : { keys, values: [...node.values] }
}

function ownChild<V>(node: OwnBranch<V>, at: number): OwnNode<V> {
  const child = owned(childAt(node, at))
  node.children[at] = child
  return child
}

/** Freezes the node and what is below it. Below what is frozen everything is. */
function frozenNode<V>(node: Node<V>): Node<V> {
  if (Object.isFrozen(node)) return node
  if (isBranch(node)) for (const child of node.children) frozenNode(child)
  Object.freeze(node.keys)
  Object.freeze(isBranch(node) ? node.children : node.values)
  return Object.freeze(node)
}

function isOwnBranch<V>(node: OwnNode<V>): node is OwnBranch<V> {
  return isBranch(node as Node<V>)
}

function branch<V>(children: Node<V>[]): OwnBranch<V> {
  return { keys: children.map(firstKey), children }
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
