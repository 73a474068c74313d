import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

/** What is used of a profile of V8's. */
interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

interface ProfileNode {
  readonly id: number
  readonly callFrame: CallFrame
  readonly children?: readonly number[]
}

interface CallFrame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

/** What a process, a tab or a file spends most on. */
export interface Profile {
  readonly of: string
  readonly parts: readonly Part[]
}

export interface Part {
  readonly name: string
  /** Of the time that the process was busy, or of the bytes of a file. */
  readonly share: number
}

/** V8's names for time that belongs to no function, and the profiler itself. */
const NOT_BUSY = /^\((idle|root)\)$|inspector:\d+$/

/** The functions that ran longest themselves, without what they called. */
export function hottestFunctions(path: string, count: number): Part[] {
  const profile = JSON.parse(readFileSync(path, 'utf8')) as CpuProfile
  const names = namesOf(profile.nodes)
  const selfTimes = new Map<string, number>()
  let busy = 0
  for (const [i, id] of profile.samples.entries()) {
    const name = names.get(id)
    if (name === undefined || NOT_BUSY.test(name)) continue
    const delta = profile.timeDeltas[i] ?? 0
    selfTimes.set(name, (selfTimes.get(name) ?? 0) + delta)
    busy += delta
  }
  const sorted = [...selfTimes].sort(([, a], [, b]) => b - a)
  return sorted.slice(0, count).map(([name, time]) => ({ name, share: time / busy }))
}

/** V8 has no true names for native functions: those are called after what calls them. */
function namesOf(nodes: readonly ProfileNode[]): Map<number, string> {
  const callers = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.callFrame])))
  return new Map(
    nodes.map(({ id, callFrame }) => [id, isNative(callFrame) ? nativeName(callers.get(id)) : nameOf(callFrame)]),
  )
}

function isNative({ functionName, url }: CallFrame): boolean {
  return url === '' && !/^\(.+\)$/.test(functionName.replace('(anonymous)', ''))
}

function nativeName(caller: CallFrame | undefined): string {
  return caller === undefined || caller.functionName === '(root)' ? 'native' : `native, called by ${nameOf(caller)}`
}

function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  return url === '' ? name : `${name} ${basename(url)}:${lineNumber + 1}`
}
