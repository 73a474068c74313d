import { writeFile } from 'node:fs/promises'
import { Session } from 'node:inspector/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface ProcessCost {
  readonly cpuSeconds: number
  readonly peakRssMiB: number
}

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

let session: Session | undefined

/** What every process of a benchmark can be asked. */
export const processTasks = {
  cost(): ProcessCost {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
    return { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakRssMiB: maxRSS / 1024 }
  },

  /** After a garbage collection. @returns bytes of the heap and of buffers outside of it */
  usedMemory(): number {
    collectGarbage()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  },

  /** @returns bytes of the whole process that are in memory now */
  residentMemory(): number {
    return process.memoryUsage.rss()
  },

  async startProfile(): Promise<void> {
    session = new Session()
    session.connect()
    await session.post('Profiler.enable')
    await session.post('Profiler.start')
  },

  async stopProfile(path: string): Promise<void> {
    if (session === undefined) throw new Error('no profile was started')
    const { profile } = await session.post('Profiler.stop')
    await writeFile(path, JSON.stringify(profile))
    session.disconnect()
  },
}
