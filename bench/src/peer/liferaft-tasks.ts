import type { Rate } from './figures.js'
import { LifeRaftCluster } from './liferaft.js'

let cluster: LifeRaftCluster | undefined

/** What @markwylde/liferaft can do. */
export const liferaftTasks = {
  async startLifeRaft(): Promise<void> {
    cluster = await LifeRaftCluster.start()
  },

  /** One command after the other. */
  async lifeRaftRate(count: number): Promise<Rate> {
    if (cluster === undefined) throw new Error('liferaft was not started')
    const startMs = performance.now()
    for (let i = 0; i < count; i++) await cluster.command()
    return { count, elapsedMs: performance.now() - startMs }
  },

  stopLifeRaft(): void {
    cluster?.stop()
  },
}
