import { setTimeout } from 'node:timers/promises'
import { countDone, type TimedRate } from './figures.js'
import { GrpcConnection, GrpcError } from './grpc-connection.js'
import { keyAt } from './keys.js'
import { decodeFields, encodeBytesFields, type Fields } from './protobuf.js'

const PUT = '/etcdserverpb.KV/Put'
const RANGE = '/etcdserverpb.KV/Range'
const STATUS = '/etcdserverpb.Maintenance/Status'
/** One connection would be one queue for all that is in flight. */
const CONNECTIONS = 4
/** What etcd says to a put while more than 5,000 others are committed and not applied; whoever means it asks again. */
const BUSY = 'etcdserver: too many requests'
const BUSY_WAIT_MS = 10

export type PutRate = TimedRate & {
  /** Puts that were sent again because etcd was busy. */
  readonly refused: number
}

let connections: readonly GrpcConnection[] = []

/** A client of etcd, and the work it is given. */
export const etcdTasks = {
  /** Connects to whoever leads, as soon as somebody does. @throws Error if nobody does yet */
  async etcdConnect(ports: readonly number[]): Promise<void> {
    for (const port of ports) {
      const first = await GrpcConnection.open(port)
      if (await isLeader(first)) {
        const more = Array.from({ length: CONNECTIONS - 1 }, () => GrpcConnection.open(port))
        connections = [first, ...(await Promise.all(more))]
        return
      }
      first.close()
    }
    throw new Error('no etcd leads')
  },

  /** Puts one key after the other with a value of that size. @throws Error if one fails, or is not there after */
  async etcdPutRate(sizeBytes: number, inFlight: number, durationMs: number): Promise<PutRate> {
    const value = Buffer.from('v'.repeat(sizeBytes))
    let next = 0
    let refused = 0
    const rate = await countDone(durationMs, inFlight, async () => {
      const at = next++
      while (!(await put(at, value))) {
        refused++
        await setTimeout(BUSY_WAIT_MS)
      }
    })
    await requireValue(0, value)
    return { ...rate, refused }
  },
}

/** The leader of etcd's group says that it is its own leader. */
async function isLeader(connection: GrpcConnection): Promise<boolean> {
  const status = decodeFields(await connection.call(STATUS, new Uint8Array(0)))
  const leader = status.get(4)
  return leader !== undefined && leader === message(status, 1).get(2)
}

/** @returns false if etcd is too busy */
async function put(at: number, value: Uint8Array): Promise<boolean> {
  try {
    await connectionAt(at).call(PUT, encodeBytesFields([keyField(at), [2, value]]))
    return true
  } catch (error) {
    if (error instanceof GrpcError && error.text === BUSY) return false
    throw error
  }
}

/** By a linearizable read. */
async function requireValue(at: number, value: Uint8Array): Promise<void> {
  const answer = decodeFields(await connectionAt(at).call(RANGE, encodeBytesFields([keyField(at)])))
  const stored = message(answer, 2).get(5)
  if (!(stored instanceof Uint8Array) || Buffer.compare(stored, value) !== 0) {
    throw new Error(`etcd did not store ${keyAt(at)}`)
  }
}

function keyField(at: number): [number, Uint8Array] {
  return [1, Buffer.from(keyAt(at))]
}

function message(fields: Fields, field: number): Fields {
  const bytes = fields.get(field)
  return decodeFields(bytes instanceof Uint8Array ? bytes : new Uint8Array(0))
}

function connectionAt(index: number): GrpcConnection {
  const connection = connections[index % connections.length]
  if (connection === undefined) throw new Error('not connected to etcd')
  return connection
}
