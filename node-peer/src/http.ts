import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface StatusSource {
  /** True while this peer can serve: its state is here and a leader is known. */
  isHealthy(): boolean
  /** Plain data. */
  status(): unknown
}

/**
 * Serves `GET /healthz` (200 or 503) and `GET /status` (JSON) until closed.
 * @param port 0 takes a free one
 * @throws the system's error if the port is taken
 */
export async function serveStatus(port: number, source: StatusSource): Promise<Server> {
  const server = createServer((request, response) => {
    const route = request.method === 'GET' ? request.url : undefined
    if (route === '/healthz') {
      const healthy = source.isHealthy()
      response.writeHead(healthy ? 200 : 503, { 'content-type': 'text/plain' }).end(healthy ? 'ok\n' : 'not ready\n')
    } else if (route === '/status') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(`${toJson(source.status())}\n`)
    } else {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, resolve)
  })
  return server
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

/** JSON has no bigints and no maps. */
function toJson(status: unknown): string {
  return JSON.stringify(status, (_key, value) => {
    if (typeof value === 'bigint') return String(value)
    if (value instanceof Map) return Object.fromEntries(value)
    return value instanceof Set ? [...value] : value
  })
}
