import { setTimeout } from 'node:timers/promises'
import type { Benchmark } from '../benchmark.js'
import type { PeerProcess } from '../lab/peer-process.js'
import { seriesOf } from '../statistics.js'

const IDLE_SOCKETS = 10_000
const JOINS_PER_SECOND = 500
const MEMBERS_PER_ROOM = 8
const RUN_MS = 1_500

interface Stage {
  readonly server: PeerProcess
  readonly clients: PeerProcess
  readonly url: string
  readonly sockets: number
}

export const signalingLoad: Benchmark = {
  name: 'signaling-load',
  about: `The signaling server in one process, all its clients in another: ${IDLE_SOCKETS.toLocaleString('en')} sockets that have joined rooms of ${MEMBERS_PER_ROOM} and say nothing, and, while they are there, peers that come in on new sockets, ${JOINS_PER_SECOND} a second or as fast as it goes. A join is a TCP connection, a WebSocket handshake, a hello, a welcome, and a word to everyone in the room.`,
  alternative: undefined,
  async run(lab) {
    const server = lab.idlePeer('signaling server')
    const clients = lab.idlePeer('its clients')
    const url = await server.ask('startSignaling')
    const stage: Stage = { server, clients, url, sockets: lab.quick ? 1000 : IDLE_SOCKETS }
    const residentKiB = await openIdle(stage)
    const { idle, steady, fast } = await lab.measure({
      idle: () => watchIdle(stage),
      steady: () => joinSteadily(stage),
      fast: () => joinFast(stage),
    })
    const rate = `joins, ${JOINS_PER_SECOND} a second`
    return [
      { label: 'memory per idle socket', unit: 'KiB', ours: seriesOf([residentKiB]), beside: undefined },
      { label: 'all idle sockets', unit: '% of a core', ours: idle.cpuPercent, beside: undefined },
      { label: `${rate}, server's CPU time of each`, unit: 'ms', ours: steady.cpuMs, beside: undefined },
      { label: `${rate}, median`, unit: 'ms', ours: steady.medianMs, beside: undefined },
      { label: `${rate}, 99th percentile`, unit: 'ms', ours: steady.p99Ms, beside: undefined },
      { label: 'joins, as fast as it goes', unit: 'joins/s', ours: fast.rate, beside: undefined },
      {
        label: 'joins, as fast as it goes, per core of the server',
        unit: 'joins/s',
        ours: fast.ratePerCore,
        beside: undefined,
      },
    ]
  },
}

/**
 * They stay. Once, with a fresh process: what is freed later goes back to the process, not to the system.
 * @returns how much memory of the server each takes
 */
async function openIdle({ server, clients, url, sockets }: Stage): Promise<number> {
  await server.ask('usedMemory') // collects
  const before = await server.ask('residentMemory')
  await clients.ask('openIdle', url, sockets, MEMBERS_PER_ROOM)
  await server.ask('usedMemory')
  return ((await server.ask('residentMemory')) - before) / sockets / 1024
}

async function watchIdle({ server }: Stage) {
  const { cpuMs } = await cpuOf(server, () => setTimeout(RUN_MS))
  return { cpuPercent: (cpuMs / RUN_MS) * 100 }
}

async function joinSteadily({ server, clients, url }: Stage) {
  const load = { url, ratePerSecond: JOINS_PER_SECOND, durationMs: RUN_MS, membersPerRoom: MEMBERS_PER_ROOM }
  const { result, cpuMs } = await cpuOf(server, () => clients.ask('joinSteadily', load))
  return { cpuMs: cpuMs / result.joined, medianMs: result.medianMs, p99Ms: result.p99Ms }
}

async function joinFast({ server, clients, url }: Stage) {
  const load = { url, durationMs: RUN_MS, membersPerRoom: MEMBERS_PER_ROOM }
  const { result, cpuMs } = await cpuOf(server, () => clients.ask('joinFast', load))
  return { rate: (result.joined / result.elapsedMs) * 1000, ratePerCore: (result.joined / cpuMs) * 1000 }
}

async function cpuOf<T>(server: PeerProcess, task: () => Promise<T>) {
  const before = await server.ask('cost')
  const result = await task()
  const after = await server.ask('cost')
  return { result, cpuMs: (after.cpuSeconds - before.cpuSeconds) * 1000 }
}
