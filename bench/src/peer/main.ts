import { crowdTasks } from './crowd-tasks.js'
import { documentTasks } from './document-tasks.js'
import { etcdTasks } from './etcd-tasks.js'
import { groupTasks } from './group-tasks.js'
import { heartbeatTasks } from './heartbeat-tasks.js'
import { legionTasks } from './legion-tasks.js'
import { liferaftTasks } from './liferaft-tasks.js'
import { loadTasks } from './load-tasks.js'
import { processTasks } from './process-tasks.js'
import { rawTasks } from './raw-tasks.js'
import { signalingTasks } from './signaling-tasks.js'
import { type PeerRequest, tellParent } from './tell-parent.js'
import { traceTasks } from './trace-tasks.js'

const tasks = {
  ...processTasks,
  ...rawTasks,
  ...legionTasks,
  ...crowdTasks,
  ...documentTasks,
  ...etcdTasks,
  ...groupTasks,
  ...liferaftTasks,
  ...loadTasks,
  ...heartbeatTasks,
  ...signalingTasks,
  ...traceTasks,
}
/** What a peer process can be asked to do. */
export type Tasks = typeof tasks

process.on('message', ({ id, task, args }: PeerRequest) => {
  perform(task, args).then(
    (value) => tellParent({ id, value }),
    (error: unknown) => tellParent({ id, error: error instanceof Error ? String(error.stack) : String(error) }),
  )
})
process.on('disconnect', () => process.exit())

async function perform(task: string, args: readonly unknown[]): Promise<unknown> {
  const run = tasks[task as keyof Tasks] as (...args: readonly unknown[]) => unknown
  return run(...args)
}
