import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSignalingServer } from 'legion-signaling'
import { WebSocket } from 'ws'
import { quantile } from '../statistics.js'

export interface JoinLoad {
  readonly url: string
  readonly ratePerSecond: number
  readonly durationMs: number
  /** Each room gets so many members, one after the other. */
  readonly membersPerRoom: number
}

export interface JoinFigures {
  readonly joined: number
  readonly medianMs: number
  readonly p99Ms: number
  readonly elapsedMs: number
}

/** A socket that joined stays so long, and so a room has others who are told. */
const STAY_MS = 1000
const CONNECTS_AT_ONCE = 100
const UNLIMITED = 1e9

const idle: WebSocket[] = []

/** Of one process: either the server or its many clients. */
export const signalingTasks = {
  async startSignaling(): Promise<string> {
    const limits = { sockets: UNLIMITED, socketsPerAddress: UNLIMITED, rooms: UNLIMITED, reservations: 10_000 }
    const server = createSignalingServer({ warmupMs: 0, limits })
    await server.listen(0, '127.0.0.1')
    return String(server.url)
  },

  /** Opens sockets that join, in rooms of so many, and then say nothing. */
  async openIdle(url: string, count: number, membersPerRoom: number): Promise<void> {
    let room = ''
    for (let opened = 0; opened < count; opened += CONNECTS_AT_ONCE) {
      const batch = Array.from({ length: Math.min(CONNECTS_AT_ONCE, count - opened) }, (_, i) => {
        if ((opened + i) % membersPerRoom === 0) room = newRoom()
        return join(url, room)
      })
      idle.push(...(await Promise.all(batch)))
    }
  },

  /** Peers come at that rate, each on a socket of its own, and go a while later. */
  async joinSteadily({ url, ratePerSecond, durationMs, membersPerRoom }: JoinLoad): Promise<JoinFigures> {
    const tookMs: number[] = []
    const joins: Promise<void>[] = []
    const startMs = performance.now()
    let room = ''
    while (performance.now() - startMs < durationMs) {
      const due = ((performance.now() - startMs) * ratePerSecond) / 1000
      while (joins.length < due) {
        if (joins.length % membersPerRoom === 0) room = newRoom()
        joins.push(joinOnce(url, room, tookMs))
      }
      await sleep(1)
    }
    await Promise.all(joins)
    const elapsedMs = performance.now() - startMs - STAY_MS
    return { joined: tookMs.length, medianMs: quantile(tookMs, 0.5), p99Ms: quantile(tookMs, 0.99), elapsedMs }
  },

  /** As many as possible with so many at once. */
  async joinFast({ url, durationMs, membersPerRoom }: Omit<JoinLoad, 'ratePerSecond'>): Promise<JoinFigures> {
    const tookMs: number[] = []
    const startMs = performance.now()
    const one = async () => {
      while (performance.now() - startMs < durationMs) {
        const room = newRoom()
        const sockets: WebSocket[] = []
        for (let i = 0; i < membersPerRoom; i++) sockets.push(await timed(() => join(url, room), tookMs))
        for (const socket of sockets) socket.terminate()
      }
    }
    await Promise.all(Array.from({ length: CONNECTS_AT_ONCE / 4 }, one))
    const elapsedMs = performance.now() - startMs
    return { joined: tookMs.length, medianMs: quantile(tookMs, 0.5), p99Ms: quantile(tookMs, 0.99), elapsedMs }
  },
}

async function joinOnce(url: string, room: string, tookMs: number[]): Promise<void> {
  const socket = await timed(() => join(url, room), tookMs)
  await sleep(STAY_MS)
  socket.terminate()
}

async function timed<T>(task: () => Promise<T>, tookMs: number[]): Promise<T> {
  const startMs = performance.now()
  const result = await task()
  tookMs.push(performance.now() - startMs)
  return result
}

/** Resolves with the welcome. */
function join(url: string, room: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  const ids = { peer: newId(), token: newId() }
  const hello = JSON.stringify({ type: 'hello', version: 1, room, ...ids, durable: false })
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.once('open', () => socket.send(hello))
    socket.once('message', () => resolve(socket))
  })
}

function newId(): string {
  return randomBytes(16).toString('base64url')
}

function newRoom(): string {
  return randomBytes(32).toString('base64url')
}
