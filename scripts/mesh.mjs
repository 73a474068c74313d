// `npm run mesh`: many real Node peers, whole Legions over WebRTC, in a few processes of this machine; none has more links
// than it may. Checks that every pair can call, that broadcasts reach all in few hops and with one message per peer, that
// documents converge, and all of it again within ten seconds after the peers of one process, 30 %, were killed.
//   --peers 64 --processes 4 --links 24
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createSignalingServer } from '../signaling-server/dist/index.js'

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '64' },
    processes: { type: 'string', default: '4' },
    links: { type: 'string', default: '24' },
  },
})
const [COUNT, PROCESSES, LINKS] = [values.peers, values.processes, values.links].map(Number)
const KILLED = Math.round(0.3 * COUNT)
const HOPS = 4
const MESSAGES_PER_PEER = 1.5
const WHOLE_MS = 60_000
const HEALED_MS = 10_000
const BROADCASTS = 20

const server = createSignalingServer({ warmupMs: 0 })
await server.listen(0, '127.0.0.1')
const workers = sizes().map(startWorker)
try {
  await main()
} finally {
  for (const { child } of workers) child.kill('SIGKILL')
  await server.close()
}

async function main() {
  report('all peers reach each other', await whole(workers, COUNT, WHOLE_MS), WHOLE_MS, 'ms')
  await pause(15_000) // members are counted in, voters found, links that nobody needs released
  await checkAll(workers, COUNT)
  const [victim, ...rest] = workers
  victim.child.kill('SIGKILL')
  const survivors = COUNT - victim.size
  report(
    `after ${victim.size} were killed: the others reach each other`,
    await whole(rest, survivors, HEALED_MS),
    HEALED_MS,
    'ms',
  )
  await checkAll(rest, survivors)
}

async function checkAll(among, count) {
  const links = (await ask(among, 'links')).flat()
  const degrees = links.map(({ peers }) => peers.length).sort((a, b) => a - b)
  report(
    `links of a peer, at most (median ${degrees[degrees.length >> 1]}, least ${degrees[0]})`,
    degrees.at(-1),
    LINKS,
    '',
  )
  report('hops from any peer to any other', Math.max(...links.map(({ id }) => eccentricity(id, links))), HOPS, '')
  await checkCalls(among, count)
  await checkBroadcasts(among, count)
  const mark = `mark ${count}`
  report('documents converge', await timed(() => ask(among, 'write', { mark, total: count })), 10_000, 'ms')
}

async function checkCalls(among, count) {
  let answers = []
  const tookMs = await timed(async () => {
    answers = (await ask(among, 'callAll')).flat()
  })
  const failures = answers.filter(({ problem }) => problem !== undefined)
  for (const { problem } of failures.slice(0, 5)) console.log(`  ${problem}`)
  report(
    `calls without an answer, of ${count * (count - 1)} in ${Math.round(tookMs)} ms`,
    count * (count - 1) - answers.length + failures.length,
    0,
    '',
  )
}

async function checkBroadcasts(among, count) {
  const sumOf = async (what) => (await ask(among, what)).flat().reduce((total, number) => total + number, 0)
  const before = await sumOf('broadcastMessages')
  for (let i = 0; i < BROADCASTS; i++) await ask([among[i % among.length]], 'broadcast', { name: `${count} ${i}` })
  await pause(3_000)
  const heard = await sumOf('takeHeard')
  report(
    `broadcasts missed or heard twice, of ${BROADCASTS * (count - 1)}`,
    Math.abs(BROADCASTS * (count - 1) - heard),
    0,
    '',
  )
  report(
    'messages per peer and broadcast',
    ((await sumOf('broadcastMessages')) - before) / count / BROADCASTS,
    MESSAGES_PER_PEER,
    '',
  )
}

async function whole(among, count, limitMs) {
  const startMs = performance.now()
  while (performance.now() - startMs < limitMs) {
    const counts = (await ask(among, 'reach')).flat()
    if (counts.every((reached) => reached === count - 1)) break
    await pause(100)
  }
  return performance.now() - startMs
}

function eccentricity(root, links) {
  const neighbours = new Map(links.map(({ id, peers }) => [id, peers]))
  const distances = new Map([[root, 0]])
  for (const [peer, distance] of distances) {
    for (const next of neighbours.get(peer) ?? []) if (!distances.has(next)) distances.set(next, distance + 1)
  }
  return distances.size === links.length ? Math.max(...distances.values()) : Number.POSITIVE_INFINITY
}

/** Of the first process those who are to be killed. */
function sizes() {
  const others = COUNT - KILLED
  const each = Math.floor(others / (PROCESSES - 1))
  const rest = Array.from({ length: PROCESSES - 1 }, (_, i) => each + (i < others % (PROCESSES - 1) ? 1 : 0))
  return [KILLED, ...rest]
}

function startWorker(size) {
  const child = fork(fileURLToPath(new URL('mesh-worker.mjs', import.meta.url)), [server.url, `${size}`, `${LINKS}`])
  return { child, size, asked: 0 }
}

function ask(among, what, options) {
  return Promise.all(
    among.map(async (worker) => {
      const number = ++worker.asked
      worker.child.send({ number, what, options })
      for (;;) {
        const [answer] = await once(worker.child, 'message')
        if (answer.number === number) return answer.result
      }
    }),
  )
}

async function timed(work) {
  const startMs = performance.now()
  await work()
  return performance.now() - startMs
}

function report(what, value, limit, unit) {
  const isGood = value <= limit
  if (!isGood) process.exitCode = 1
  console.log(`${isGood ? 'ok  ' : 'FAIL'} ${what}: ${Math.round(100 * value) / 100} ${unit} (limit ${limit})`)
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
