import { defineMachine, type PeerId } from 'legion-mesh'

interface Job {
  readonly id: number
  readonly task: string
  /** How often it was taken. */
  readonly attempts: number
}

interface TakenJob extends Job {
  readonly by: PeerId
  /** Then it waits again. */
  readonly untilMs: number
}

/**
 * A queue of jobs, each done at least once: who takes a job has it for a while, and either says that it is done or
 * loses it to the next one. Time is the log's, so no worker's clock has to be right.
 */
export const queue = defineMachine({
  name: 'queue',
  version: 1,
  initial: () => ({ lastId: 0, waiting: [] as Job[], taken: [] as TakenJob[] }),
  commands: {
    /** Returns the job's id. */
    push(state, task: string) {
      state.waiting.push({ id: ++state.lastId, task, attempts: 0 })
      return state.lastId
    },

    /** The oldest job, for `forMs` milliseconds; null if none waits. */
    take(state, { forMs }: { forMs: number }, { from, timestampMs }) {
      putBack(state, ({ untilMs }) => untilMs <= timestampMs)
      const job = state.waiting.shift()
      if (job === undefined) return null
      const { id, task } = job
      const attempts = job.attempts + 1
      state.taken.push({ id, task, attempts, by: from, untilMs: timestampMs + forMs })
      return { id, task, attempts }
    },

    /** Removes a job that is done. False for an attempt that took too long: the job is somebody else's then. */
    ack(state, { id, attempts }: { id: number; attempts: number }) {
      const at = state.taken.findIndex((job) => job.id === id && job.attempts === attempts)
      if (at >= 0) state.taken.splice(at, 1)
      return at >= 0
    },
  },
  queries: {
    counts: ({ waiting, taken }) => ({ waiting: waiting.length, taken: taken.length }),
  },
  memberLeft(state, peer) {
    putBack(state, ({ by }) => by === peer)
  },
})

type State = ReturnType<typeof queue.initial>

function putBack(state: State, isLost: (job: TakenJob) => boolean): void {
  const lost = state.taken.filter(isLost).map(({ id, task, attempts }) => ({ id, task, attempts }))
  if (lost.length === 0) return
  state.taken = state.taken.filter((job) => !isLost(job))
  state.waiting = [...lost, ...state.waiting].sort((a, b) => a.id - b.id)
}
