// Documents among real Node peers, several to a process.
//   crowd --peers 50 --processes 5 --seconds 60 --links 10
//                                                 all type into one document, 5 keystrokes a second: converged? delays?
//   trace                                         a whole paper through three peers, beside a bare Yjs document
import { fork } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { Legion } from 'legion-mesh'
import { nodePlatform } from 'legion-mesh/node'
import { createSignalingServer } from 'legion-signaling'
import * as Y from 'yjs'

const SELF = fileURLToPath(import.meta.url)
const TRACE = fileURLToPath(
  new URL('../../shared/data/editing-traces/automerge-paper.sequential.json.gz', import.meta.url),
)
const KEYSTROKE_MS = 200
const SETTLE_MS = 180_000
const nowMs = () => performance.timeOrigin + performance.now()

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      peers: { type: 'string', default: '50' },
      processes: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '60' },
      links: { type: 'string', default: '10' },
    },
  })
  const [peers, processes, seconds, links] = ['peers', 'processes', 'seconds', 'links'].map((name) =>
    Number(values[name]),
  )
  const server = createSignalingServer({ warmupMs: 0, limits: { joinsPerMinute: 10_000 } })
  await server.listen(0, '127.0.0.1')
  try {
    if (positionals[0] === 'crowd') await crowd(server.url, peers, processes, seconds, links)
    else if (positionals[0] === 'trace') await trace(server.url)
    else throw new Error('say crowd or trace')
  } finally {
    await server.close()
  }
  process.exit()
}

async function crowd(signaling, peers, processes, seconds, maxLinks) {
  const workers = startWorkers(processes)
  const shares = workers.map((_, i) => Math.floor((peers + i) / processes))
  const links = (await askAll(workers, 'join', (i) => ({ signaling, count: shares[i], maxLinks }))).flat()
  console.log(`${peers} peers in ${processes} processes, ${Math.min(...links)} to ${Math.max(...links)} links each`)
  const before = await askAll(workers, 'cpuMs', () => ({}))
  const typed = Object.assign({}, ...(await askAll(workers, 'type', () => ({ seconds }))))
  const total = Object.values(typed).reduce((sum, times) => sum + times.length, 0)
  await askAll(workers, 'settle', () => ({ total }))
  const cpuMs = (await askAll(workers, 'cpuMs', () => ({}))).reduce((sum, ms, i) => sum + ms - before[i], 0)
  const results = await askAll(workers, 'delays', () => ({ typed }))
  const delays = results.flatMap((result) => result.delays).sort((a, b) => a - b)
  const isConverged = new Set(results.flatMap(({ states }) => states)).size === 1
  const at = (share) => `${delays[Math.floor(delays.length * share)].toFixed(0)} ms`
  console.log(`${total} keystrokes, ${isConverged ? 'converged' : 'NOT CONVERGED'}`)
  console.log(`CPU: ${(cpuMs / seconds / 1_000).toFixed(2)} s a second, all peers together`)
  console.log(`delay (sampled): p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, worst ${at(0.999999)}`)
  for (const worker of workers) worker.kill()
  if (!isConverged) process.exitCode = 1
}

async function trace(signaling) {
  if (!existsSync(TRACE)) {
    console.log(`skipped: ${TRACE} is missing`)
    return
  }
  const workers = startWorkers(3)
  await askAll(workers, 'join', () => ({ signaling, count: 1 }))
  const bare = await ask(workers[0], 'bare', {})
  const waiting = workers.map((worker) => ask(worker, 'end', {}))
  const before = await askAll(workers, 'cpuMs', () => ({}))
  const startMs = nowMs()
  await ask(workers[0], 'replay', {})
  const ends = await Promise.all(waiting)
  const takenMs = Math.max(...ends) - startMs
  const after = await askAll(workers, 'cpuMs', () => ({}))
  const cpuMs = after.map((ms, i) => (ms - before[i]).toFixed(0))
  const times = (takenMs / bare.ms).toFixed(2)
  console.log(`bare ${bare.ms.toFixed(0)} ms, three peers ${takenMs.toFixed(0)} ms: ${times} times`)
  console.log(`CPU: bare ${bare.cpuMs.toFixed(0)} ms; the one who types and the others ${cpuMs.join(', ')} ms`)
  for (const worker of workers) worker.kill()
}

// --- workers

function startWorkers(count) {
  return Array.from({ length: count }, () =>
    fork(SELF, ['worker'], { stdio: ['ignore', 1, 2, 'ipc'], serialization: 'advanced' }),
  )
}

function askAll(workers, task, argumentOf) {
  return Promise.all(workers.map((worker, i) => ask(worker, task, argumentOf(i))))
}

let asked = 0

function ask(worker, task, argument) {
  const id = ++asked
  return new Promise((resolve, reject) => {
    const answered = (answer) => {
      if (answer.id !== id) return
      worker.off('message', answered)
      if ('error' in answer) reject(new Error(answer.error))
      else resolve(answer.value)
    }
    worker.on('message', answered)
    worker.once('exit', (code) => reject(new Error(`a worker ended with ${code}`)))
    worker.send({ id, task, argument })
  })
}

function work() {
  process.on('message', ({ id, task, argument }) => {
    tasks[task](argument).then(
      (value) => process.send({ id, value }),
      (error) => process.send({ id, error: String(error.stack) }),
    )
  })
  process.on('disconnect', () => process.exit())
}

const mine = []

const tasks = {
  async join({ signaling, count, maxLinks }) {
    const limits = { mesh: maxLinks === undefined ? {} : { links: maxLinks } }
    for (let i = 0; i < count; i++) {
      const legion = Legion.open({
        cluster: 'documents',
        signaling,
        platform: await nodePlatform(),
        canVote: i === 0,
        limits,
      })
      mine.push(observed(legion, legion.doc('shared').y))
    }
    await until(() => mine.every(({ legion }) => legion.peers.size > 0 && legion.doc('shared').status === 'synced'))
    await setTimeout(15_000) // whoever came early has links to whoever came late by then
    return mine.map(({ legion }) => linksOf(legion))
  },

  /** @returns by client, when each keystroke was made */
  async type({ seconds }) {
    const typed = {}
    const typing = mine.map(async ({ y }) => {
      const times = []
      typed[y.clientID] = times
      await setTimeout(Math.random() * KEYSTROKE_MS)
      for (const endMs = nowMs() + seconds * 1_000; nowMs() < endMs; await setTimeout(KEYSTROKE_MS)) {
        const text = y.getText('t')
        times.push(nowMs())
        text.insert(Math.floor(Math.random() * (text.length + 1)), 'x')
      }
    })
    await Promise.all(typing)
    return typed
  },

  settle: ({ total }) => until(() => mine.every(({ y }) => y.getText('t').length === total)),

  async delays({ typed }) {
    const delays = []
    for (const { y, arrivals } of mine) {
      for (const [client, times] of Object.entries(typed)) {
        if (Number(client) === y.clientID) continue
        // One of ten: all of them are three quarters of a million.
        for (let i = 0; i < times.length; i += 10) delays.push(arrivals.get(Number(client))[i] - times[i])
      }
    }
    return { delays, states: mine.map(({ y }) => Buffer.from(Y.encodeSnapshot(Y.snapshot(y))).toString('base64')) }
  },

  async bare() {
    const y = new Y.Doc()
    const { txns } = readTrace()
    const [startMs, startCpuMs] = [nowMs(), await tasks.cpuMs()]
    for (const { patches } of txns) apply(y, patches)
    return { ms: nowMs() - startMs, cpuMs: (await tasks.cpuMs()) - startCpuMs }
  },

  /** Of this process so far. */
  async cpuMs() {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1_000
  },

  async replay() {
    const [{ y }] = mine
    const { txns } = readTrace()
    for (const [i, { patches }] of txns.entries()) {
      apply(y, patches)
      if (i % 100 === 0) await setImmediate()
    }
  },

  /** @returns when all of the trace was here */
  async end() {
    const { endContent } = readTrace()
    const text = mine[0].y.getText('t')
    await until(() => text.length === endContent.length && text.toString() === endContent)
    return nowMs()
  },
}

/** A peer that knows when each character of each client arrived. */
function observed(legion, y) {
  const arrivals = new Map()
  y.on('afterTransaction', ({ beforeState, afterState }) => {
    for (const [client, clock] of afterState) {
      if (clock === beforeState.get(client)) continue
      if (!arrivals.has(client)) arrivals.set(client, [])
      const times = arrivals.get(client)
      while (times.length < clock) times.push(nowMs())
    }
  })
  return { legion, y, arrivals }
}

function linksOf(legion) {
  return Object.values(legion.status().mesh.peers).filter(({ state }) => state === 'direct').length
}

let loadedTrace

function readTrace() {
  loadedTrace ??= JSON.parse(gunzipSync(readFileSync(TRACE)).toString())
  return loadedTrace
}

function apply(y, patches) {
  const text = y.getText('t')
  y.transact(() => {
    for (const [position, deleted, inserted] of patches) {
      if (deleted > 0) text.delete(position, deleted)
      if (inserted !== '') text.insert(position, inserted)
    }
  })
}

async function until(condition) {
  for (const endMs = nowMs() + SETTLE_MS; !condition(); await setTimeout(10)) {
    if (nowMs() > endMs) throw new Error(`after ${SETTLE_MS} ms still not: ${condition}`)
  }
}

if (process.argv[2] === 'worker') work()
else await main()
