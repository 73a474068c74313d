import { kv } from 'legion-mesh'
import { keyAt } from './keys.js'
import { requireLegion } from './legion-tasks.js'
import { machineMs } from './machine-clock.js'

export interface Span {
  readonly startMs: number
  readonly endMs: number
}

/** So many are being opened at a time. */
const OPENING_MAX = 50
const VALUE = 'v'.repeat(16)

const groups: KvGroup[] = []
type KvGroup = Awaited<ReturnType<typeof openGroup>>

/** Groups besides `main`, and commands spread over them. */
export const groupTasks = {
  /** Opens as many more as are missing. Their names are the same on every peer. */
  async openGroups(count: number): Promise<void> {
    while (groups.length < count) {
      const more = Math.min(OPENING_MAX, count - groups.length)
      const names = Array.from({ length: more }, (_, i) => `group-${groups.length + i}`)
      groups.push(...(await Promise.all(names.map(openGroup))))
    }
  },

  /**
   * All at once, as many to each of the first `spread` groups. @throws Error if one fails
   * @returns when it began and ended, by the machine's clock
   */
  async commandGroups(spread: number, commands: number): Promise<Span> {
    const startMs = machineMs()
    await Promise.all(
      Array.from({ length: commands }, (_, i) =>
        groupAt(i % spread).applyConsistent('set', { key: keyAt(i), value: VALUE }),
      ),
    )
    return { startMs, endMs: machineMs() }
  },
}

function openGroup(name: string) {
  return requireLegion().group(name, kv)
}

function groupAt(index: number): KvGroup {
  const group = groups[index]
  if (group === undefined) throw new Error(`there is no group ${index}`)
  return group
}
