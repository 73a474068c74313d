import { expect, it } from 'vitest'
import type { Value } from '../../src/codec/value.js'
import { type KvChange, type KvState, kv, type Watched, watch } from '../../src/machines/index.js'
import { machineTools } from '../../src/machines/machine-tools.js'
import { bytesOf, contextAt, pieces } from './context.js'

/** What a group does: calls the listeners when the selected part is another one. */
function start() {
  const machine = kv.create(machineTools)
  const notifiers = new Set<() => void>()
  let timestampMs = 0
  const apply = (name: string, payload: Value, atMs = 0) => {
    timestampMs = Math.max(timestampMs, atMs)
    machine.apply({ name, payload }, { ...contextAt(1), timestampMs })
  }
  const settle = () => {
    for (const notify of notifiers) notify()
  }
  return {
    machine,
    settle,
    now: (name: string, payload: Value, atMs?: number) => {
      apply(name, payload, atMs)
      settle()
    },
    apply,
    subscribe<T>(selector: (state: KvState) => T, listener: (selected: T) => void) {
      let last: T | undefined
      const notify = () => {
        const selected = selector(machine.state as KvState)
        if (selected === last) return
        last = selected
        listener(selected)
      }
      notifiers.add(notify)
      notify()
      return () => notifiers.delete(notify)
    },
  }
}

function watched(group: ReturnType<typeof start>, what: Watched) {
  const reports: (readonly KvChange[])[] = []
  const stop = watch(group, what, (changes) => reports.push(changes))
  return { reports, stop }
}

it('[MAC38] tells what is there, then what changes, with the value before', () => {
  const group = start()
  group.apply('set', { key: 'a/1', value: 1 })
  group.apply('set', { key: 'b', value: 2 })
  const { reports, stop } = watched(group, { prefix: 'a/' })
  group.now('set', { key: 'a/0', value: { x: 1 } })
  group.now('set', { key: 'b', value: 3 })
  group.now('delete', 'a/1')
  stop()
  group.now('set', { key: 'a/2', value: 1 })
  expect(reports).toEqual([
    [{ key: 'a/1', value: 1, previous: undefined }],
    [{ key: 'a/0', value: { x: 1 }, previous: undefined }],
    [{ key: 'a/1', value: undefined, previous: 1 }],
  ])
})

it('[MAC38] watches one key, and says nothing of values that are equal', () => {
  const group = start()
  const { reports } = watched(group, { key: 'a' })
  group.now('set', { key: 'a', value: { x: [1] } })
  group.now('set', { key: 'a', value: { x: [1] } })
  group.now('set', { key: 'ab', value: 1 })
  group.now('compareAndSet', { key: 'a', expected: { x: [1] }, value: 5 })
  expect(reports).toEqual([
    [{ key: 'a', value: { x: [1] }, previous: undefined }],
    [{ key: 'a', value: 5, previous: { x: [1] } }],
  ])
})

it('[MAC38] tells changes that come together at once, in order, and only the last of one key', () => {
  const group = start()
  const { reports } = watched(group, { prefix: '' })
  for (const key of ['c', 'a', 'b', 'a']) group.apply('increment', { key })
  group.apply('delete', 'b')
  group.settle()
  expect(reports).toEqual([
    [
      { key: 'a', value: 2, previous: undefined },
      { key: 'c', value: 1, previous: undefined },
    ],
  ])
})

it('[MAC38] tells of the end of a lease when a command removes the entry, and of what a snapshot brought', async () => {
  const group = start()
  const { reports } = watched(group, { prefix: '' })
  group.now('set', { key: 'a', value: 1, ttlMs: 10 }, 0)
  group.now('set', { key: 'b', value: 2 }, 10)
  const other = start()
  other.apply('set', { key: 'b', value: 2 })
  other.apply('set', { key: 'c', value: 3 })
  await group.machine.restore(pieces(bytesOf(other.machine)))
  group.settle()
  expect(reports.slice(1)).toEqual([
    [
      { key: 'a', value: undefined, previous: 1 },
      { key: 'b', value: 2, previous: undefined },
    ],
    [{ key: 'c', value: 3, previous: undefined }],
  ])
})
