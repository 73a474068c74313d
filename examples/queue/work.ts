import type { Legion } from 'legion-mesh'
import type { queue } from './queue.js'

/** Longer than any job takes. */
const FOR_MS = 30_000

/**
 * Does jobs until none waits. A job whose `handle` fails is not acknowledged: somebody takes it again when its time is
 * over.
 * @returns how many are done
 */
export async function work(
  legion: Pick<Legion<typeof queue>, 'applyConsistent'>,
  handle: (task: string) => Promise<void>,
): Promise<number> {
  let done = 0
  for (;;) {
    const job = await legion.applyConsistent('take', { forMs: FOR_MS })
    if (job === null) return done
    const { id, task, attempts } = job
    const isDone = await handle(task).then(
      () => true,
      () => false,
    )
    if (isDone && (await legion.applyConsistent('ack', { id, attempts }))) done++
  }
}
