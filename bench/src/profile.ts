import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

/** What is used of a profile of V8's. */
interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

interface CallFrame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

export interface HotFunction {
  readonly name: string
  /** Of the time that the process was busy. */
  readonly share: number
}

/** V8's names for time that belongs to no function. */
const NOT_BUSY: ReadonlySet<string> = new Set(['(idle)', '(root)'])

/** The functions that ran longest themselves, without what they called. */
export function hottestFunctions(path: string, count: number): HotFunction[] {
  const profile = JSON.parse(readFileSync(path, 'utf8')) as CpuProfile
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
  const selfTimes = new Map<string, number>()
  let busy = 0
  for (const [i, id] of profile.samples.entries()) {
    const frame = frames.get(id)
    if (frame === undefined || NOT_BUSY.has(frame.functionName)) continue
    const delta = profile.timeDeltas[i] ?? 0
    const name = nameOf(frame)
    selfTimes.set(name, (selfTimes.get(name) ?? 0) + delta)
    busy += delta
  }
  const sorted = [...selfTimes].sort(([, a], [, b]) => b - a)
  return sorted.slice(0, count).map(([name, time]) => ({ name, share: time / busy }))
}

function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  return url === '' ? name : `${name} ${basename(url)}:${lineNumber + 1}`
}
