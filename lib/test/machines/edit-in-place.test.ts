import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LegionError } from '../../src/base/errors.js'
import { decodeValue, encodeValue, freezePlain, type Value } from '../../src/codec/value.js'
import { editInPlace } from '../../src/machines/edit-in-place.js'

type Parts = Record<string, unknown> | unknown[]
interface Shelf {
  boxes: Record<string, { items: { n: number }[]; label?: string }>
  order: string[]
  bytes: Uint8Array
}

const shelf = (): Shelf =>
  freezePlain(
    {
      boxes: { a: { items: [{ n: 1 }, { n: 2 }] }, b: { items: [] } },
      order: ['a', 'b'],
      bytes: Uint8Array.of(1),
    },
    undefined,
  )

function isParts(value: unknown): value is Parts {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
}

/** Numbers from 0 that say what to do; 0 for ever when they are used up. */
class Choices {
  readonly #numbers: number[]

  constructor(numbers: readonly number[]) {
    this.#numbers = [...numbers]
  }

  get isOver(): boolean {
    return this.#numbers.length === 0
  }

  among<T>(options: readonly T[]): T | undefined {
    return options[(this.#numbers.shift() ?? 0) % Math.max(1, options.length)]
  }
}

/** Somewhere in `root`, not deep. */
function somewhere(root: Parts, choices: Choices): Parts {
  let parts = root
  for (let depth = 0; depth < 3; depth++) {
    const next = choices.among([undefined, ...Object.values(parts).filter(isParts)])
    if (next === undefined) break
    parts = next
  }
  return parts
}

const NEW_VALUES: readonly (() => unknown)[] = [
  () => 1,
  () => undefined,
  () => ({}),
  () => [],
  () => ({ x: { y: [1, { z: 2 }] } }),
  () => Uint8Array.of(7),
]

/** What a command may do to a state, the same for a draft and for a plain object. */
const STEPS: readonly ((root: Parts, choices: Choices) => void)[] = [
  (root, choices) => put(somewhere(root, choices), choices, choices.among(NEW_VALUES)?.()),
  (root, choices) => put(somewhere(root, choices), choices, somewhere(root, choices)),
  (root, choices) => put(somewhere(root, choices), choices, { wrapped: [somewhere(root, choices)] }),
  (root, choices) => put(somewhere(root, choices), choices, { ...somewhere(root, choices) }),
  (root, choices) => remove(somewhere(root, choices), choices),
  (root, choices) => swap(somewhere(root, choices), choices),
  (root, choices) => changeList(somewhere(root, choices), choices),
  (root, choices) => changeList(somewhere(root, choices), choices),
  (root, choices) => void JSON.stringify(somewhere(root, choices)),
]

const LIST_STEPS: readonly ((list: unknown[], choices: Choices) => void)[] = [
  (list) => list.push({ n: list.length }),
  (list) => list.pop(),
  (list) => list.shift(),
  (list) => list.unshift(list.at(-1), 5),
  (list) => list.reverse(),
  (list, choices) => list.splice(choices.among([0, 1, 2]) ?? 0, choices.among([0, 1, 2]) ?? 0, [list.length]),
  (list) => list.sort((a, b) => Object.keys(Object(a)).length - Object.keys(Object(b)).length),
  (list) => list.copyWithin(0, 1),
  (list, choices) => Reflect.set(list, 'length', choices.among([0, 1, 3])),
]

function changeList(parts: Parts, choices: Choices): void {
  if (Array.isArray(parts)) choices.among(LIST_STEPS)?.(parts, choices)
}

function put(parts: Parts, choices: Choices, value: unknown): void {
  Reflect.set(parts, choices.among([...Object.keys(parts), Array.isArray(parts) ? parts.length : 'new']) ?? 'x', value)
}

function remove(parts: Parts, choices: Choices): void {
  const key = choices.among(Object.keys(parts))
  if (key !== undefined) Reflect.deleteProperty(parts, key)
}

function swap(parts: Parts, choices: Choices): void {
  const [one, other] = [choices.among(Object.keys(parts)), choices.among(Object.keys(parts))]
  if (one === undefined || other === undefined) return
  const record = parts as Record<string, unknown>
  ;[record[one], record[other]] = [record[other], record[one]]
}

function runSteps(root: Parts, numbers: readonly number[]): void {
  const choices = new Choices(numbers)
  while (!choices.isOver) choices.among(STEPS)?.(root, choices)
}

/** The state after the steps, or the code of the error that refused it. */
function edited(state: Parts, numbers: readonly number[]): unknown {
  return attempt(() => editInPlace(state, (draft) => runSteps(draft, numbers)))
}

function written(state: Parts, numbers: readonly number[]): unknown {
  return attempt(() => {
    const copy = decodeValue(encodeValue(state)) as Parts
    runSteps(copy, numbers)
    return freezePlain(copy, undefined)
  })
}

function attempt<T>(work: () => T): T | string {
  try {
    return work()
  } catch (error) {
    return error instanceof LegionError ? error.code : (error as Error).name
  }
}

describe('a draft', () => {
  it('[MAC45] is changed as a plain object would be, whatever is read, moved, kept or shared', () => {
    const program = fc.array(fc.array(fc.nat(40), { maxLength: 30 }), { maxLength: 6 })
    let refused = 0
    fc.assert(
      fc.property(program, (edits) => {
        let state: Parts = shelf() as unknown as Parts
        for (const numbers of edits) {
          const before = encodeValue(state)
          const [next, expected] = [edited(state, numbers), written(state, numbers)]
          expect(encodeValue(next)).toEqual(encodeValue(expected))
          expect(encodeValue(state)).toEqual(before)
          if (isParts(next)) state = next
          else refused++
        }
      }),
      { numRuns: 120, seed: 45 },
    )
    expect(refused).toBeGreaterThan(10)
  })

  it('[MAC45] leaves the state before as it was, and shares with it what was not changed', () => {
    const before = shelf()
    const after = editInPlace(before, (draft) => {
      draft.boxes['a']?.items.push({ n: 3 })
    })
    expect(before).toEqual(shelf())
    expect(after.boxes['a']?.items).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
    expect(after.boxes['b']).toBe(before.boxes['b'])
    expect(after.boxes['a']?.items[0]).toBe(before.boxes['a']?.items[0])
    expect(after.order).toBe(before.order)
  })

  it('[MAC45] of which nothing changed is the same state', () => {
    const state = shelf()
    const next = editInPlace(state, (draft) => {
      Object.assign(draft, { boxes: draft.boxes, order: draft.order })
      draft.order[0] = 'a'
      delete draft.boxes['none']
      expect(draft.boxes['a']?.items.find(({ n }) => n === 2)).toEqual({ n: 2 })
    })
    expect(next).toBe(state)
  })

  it('[MAC45] has a key that was given undefined', () => {
    const next = editInPlace<object>(shelf(), (draft) => void Object.assign(draft, { none: undefined }))
    expect(Object.keys(next)).toContain('none')
  })

  it('[MAC45] gives the same part each time, of which lists know where it is', () => {
    editInPlace(shelf(), ({ boxes }) => {
      const { items = [] } = boxes['a'] ?? {}
      const second = items[1]
      expect(items.indexOf(second as { n: number })).toBe(1)
      expect(boxes['a']).toBe(boxes['a'])
      expect(Array.isArray(items)).toBe(true)
      expect(Object.getOwnPropertyDescriptor(items, 'length')?.value).toBe(2)
      expect('a' in boxes && !('c' in boxes)).toBe(true)
    })
  })

  it('[MAC45] of an object with many keys keeps their order and shares all others', () => {
    const wide = freezePlain(Object.fromEntries([...Array(1000).keys()].map((n) => [`key ${n}`, { n }])), undefined)
    const next = editInPlace(wide, (draft) => {
      Object.assign(draft['key 7'] ?? {}, { n: -7 })
      delete draft['key 8']
      draft['key 8'] = { n: 8 }
    })
    const { 'key 8': eighth, ...rest } = wide
    expect(encodeValue(next)).toEqual(encodeValue({ ...rest, 'key 7': { n: -7 }, 'key 8': eighth } as Value))
    expect(next['key 9']).toBe(wide['key 9'])
    expect(wide['key 7']).toEqual({ n: 7 })
  })

  it('[MAC45] can not be written any more when the command is over, nor read', () => {
    let kept: Shelf | undefined
    editInPlace(shelf(), (draft) => {
      kept = draft
    })
    expect(() => kept?.order).toThrow(TypeError)
    expect(() => {
      if (kept !== undefined) kept.order = []
    }).toThrow(TypeError)
  })

  it('[MAC45] that takes what two places share changes one of them', () => {
    const first = editInPlace(shelf(), ({ boxes }) => void Object.assign(boxes, { c: boxes['a'] }))
    expect(first.boxes['c']).toBe(first.boxes['a'])
    const second = editInPlace(first, ({ boxes }) => void Object.assign(boxes['c'] ?? {}, { label: 'c' }))
    expect(second.boxes['a']).toBe(first.boxes['a'])
    expect(second.boxes['c']?.label).toBe('c')
  })

  it.each([
    ['defines a property', (draft: Shelf) => Object.defineProperty(draft, 'order', { value: [] })],
    ['sets a prototype', (draft: Shelf) => Object.setPrototypeOf(draft, null)],
    ['freezes', (draft: Shelf) => Object.freeze(draft.boxes)],
    ['seals', (draft: Shelf) => Object.preventExtensions(draft)],
  ])('[MAC45] refuses a command that %s', (_what, recipe) => {
    expect(() => editInPlace(shelf(), (draft) => void recipe(draft))).toThrow(TypeError)
  })
})
