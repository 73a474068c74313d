import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** What answers `GET`, by path. */
export type Routes = Readonly<Record<string, () => Answer | Promise<Answer>>>

/**
 * Serves the routes until closed; everything else is 404.
 * @param port 0 takes a free one
 * @throws the system's error if the port is taken
 */
export async function serve(port: number, routes: Routes): Promise<Server> {
  const server = createServer(async ({ method, url = '' }, response) => {
    const route = method === 'GET' && Object.hasOwn(routes, url) ? routes[url] : undefined
    const { status, contentType, body } = (await route?.()) ?? NOT_FOUND
    response.writeHead(status, { 'content-type': contentType }).end(body)
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

/** 200 or 503. */
export function healthAnswer(isHealthy: boolean): Answer {
  return { status: isHealthy ? 200 : 503, contentType: 'text/plain', body: isHealthy ? 'ok\n' : 'not ready\n' }
}

export function jsonAnswer(value: unknown): Answer {
  return { status: 200, contentType: 'application/json', body: `${toJson(value)}\n` }
}

const NOT_FOUND: Answer = { status: 404, contentType: 'text/plain', body: 'not found\n' }

/** JSON has no bigints and no maps. */
function toJson(status: unknown): string {
  return JSON.stringify(status, (_key, value) => {
    if (typeof value === 'bigint') return String(value)
    if (value instanceof Map) return Object.fromEntries(value)
    return value instanceof Set ? [...value] : value
  })
}
