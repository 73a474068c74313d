import type { Value } from '../codec/value.js'
import type { Frozen } from './types.js'

/**
 * A sorted map made of plain objects, for states: a B+ tree. A change touches a few small nodes however large the map
 * is, where a plain object would be copied whole. Keys are ordered by UTF-16 code units, as by `<`.
 *
 * Invariants: the keys of a node ascend; `keys[i]` of a branch is not above any key in `children[i]`, and above all keys
 * in `children[i - 1]`; all leaves are at the same depth; no node but the root is empty, none has more than
 * MAX_ITEMS items; a root branch has two children at least.
 */
export interface SortedMap {
  size: number
  root: Node
}

type Node = Leaf | Branch

interface Leaf {
  keys: string[]
  values: Value[]
}

interface Branch {
  keys: string[]
  children: Node[]
}

export type Entry = readonly [key: string, value: Value]

const MAX_ITEMS = 32

export function emptyMap(): SortedMap {
  return { size: 0, root: { keys: [], values: [] } }
}

export function getEntry(map: Frozen<SortedMap>, key: string): Entry | undefined {
  for (const entry of entriesFrom(map, key)) return entry[0] === key ? entry : undefined
  return undefined
}

/** All entries from `from` on, in order. */
export function entriesFrom(map: Frozen<SortedMap>, from: string): Iterable<Entry> {
  return nodeEntries(map.root, from)
}

export function setEntry(map: SortedMap, key: string, value: Value): void {
  const inserted = insert(map.root, key, value)
  if (inserted) map.size++
  if (map.root.keys.length <= MAX_ITEMS) return
  const right = split(map.root)
  map.root = { keys: [firstKey(map.root), firstKey(right)], children: [map.root, right] }
}

/** @returns false if there was no such key */
export function deleteEntry(map: SortedMap, key: string): boolean {
  if (!remove(map.root, key)) return false
  map.size--
  while (isBranch(map.root) && map.root.children.length === 1) map.root = map.root.children[0] as Node
  return true
}

function* nodeEntries(node: Frozen<Node>, from: string): Iterable<Entry> {
  if ('children' in node) {
    for (let i = childIndex(node.keys, from); i < node.children.length; i++) {
      yield* nodeEntries(node.children[i] as Frozen<Node>, from)
    }
  } else {
    for (let i = lowerBound(node.keys, from); i < node.keys.length; i++) yield [node.keys[i] as string, node.values[i]]
  }
}

/** May leave `node` with one item too many. @returns false if the key was there and only its value changed */
function insert(node: Node, key: string, value: Value): boolean {
  if (isBranch(node)) return insertBelow(node, key, value)
  const at = lowerBound(node.keys, key)
  const isNew = node.keys[at] !== key
  if (isNew) node.keys.splice(at, 0, key)
  node.values.splice(at, isNew ? 0 : 1, value)
  return isNew
}

function insertBelow(branch: Branch, key: string, value: Value): boolean {
  const at = childIndex(branch.keys, key)
  const child = branch.children[at] as Node
  const inserted = insert(child, key, value)
  if (key < (branch.keys[at] as string)) branch.keys[at] = key
  if (child.keys.length > MAX_ITEMS) {
    const right = split(child)
    branch.keys.splice(at + 1, 0, firstKey(right))
    branch.children.splice(at + 1, 0, right)
  }
  return inserted
}

/** May leave `node` empty. @returns false if there was no such key */
function remove(node: Node, key: string): boolean {
  if (isBranch(node)) return removeBelow(node, key)
  const at = lowerBound(node.keys, key)
  if (node.keys[at] !== key) return false
  removeItems(node, at, 1)
  return true
}

function removeBelow(branch: Branch, key: string): boolean {
  const at = childIndex(branch.keys, key)
  const child = branch.children[at] as Node
  if (!remove(child, key)) return false
  if (child.keys.length === 0) removeItems(branch, at, 1)
  else if (!mergeWithNext(branch, at)) mergeWithNext(branch, at - 1)
  return true
}

/** Puts two neighbouring children into one if they fit. */
function mergeWithNext(branch: Branch, at: number): boolean {
  const left = branch.children[at]
  const right = branch.children[at + 1]
  if (left === undefined || right === undefined || left.keys.length + right.keys.length > MAX_ITEMS) return false
  append(left, removeItems(right, 0, right.keys.length))
  removeItems(branch, at + 1, 1)
  return true
}

/** Moves the upper half of `node` into a new one. */
function split(node: Node): Node {
  const half = node.keys.length >> 1
  return removeItems(node, half, node.keys.length - half)
}

/** Takes items out, as a node of their own. */
function removeItems(node: Node, at: number, count: number): Node {
  const keys = node.keys.splice(at, count)
  return isBranch(node)
    ? { keys, children: node.children.splice(at, count) }
    : { keys, values: node.values.splice(at, count) }
}

/** Both are of the same kind, being at the same depth. */
function append(left: Node, right: Node): void {
  left.keys.push(...right.keys)
  if (isBranch(left) && isBranch(right)) left.children.push(...right.children)
  else if (!isBranch(left) && !isBranch(right)) left.values.push(...right.values)
}

function isBranch(node: Node): node is Branch {
  return 'children' in node
}

function firstKey(node: Node): string {
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
