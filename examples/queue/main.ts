import { setTimeout } from 'node:timers/promises'
import { Legion } from 'legion-mesh'
import { nodePlatform } from 'legion-mesh/node'
import { queue } from './queue.js'
import { work } from './work.js'

// `node main.js paint sand polish` hands in jobs; without any, the process is a worker. Start as many as you like.

const platform = await nodePlatform()
const legion = await Legion.join({ cluster: 'jobs', signaling: 'ws://localhost:4455', machine: queue, platform })

for (const task of process.argv.slice(2)) {
  const id = await legion.applyConsistent('push', task)
  process.stdout.write(`job ${id}: ${task}\n`)
}

while (process.argv.length <= 2) {
  await work(legion, async (task) => {
    process.stdout.write(`doing ${task}\n`)
    await setTimeout(2_000)
  })
  await setTimeout(1_000)
}

await legion.leave()
