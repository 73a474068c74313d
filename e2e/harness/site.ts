import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
}

/** A static server of a folder, as any would be that hosts a built page. */
export class Site {
  readonly url: string
  readonly close: () => Promise<void>

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url
    this.close = close
  }

  static async serve(folder: string, host = '127.0.0.1'): Promise<Site> {
    const server = createServer((request, response) => void answer(folder, request, response))
    await once(server.listen(0, host), 'listening')
    const { port } = server.address() as AddressInfo
    return new Site(`http://${host}:${port}/`, async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    })
  }
}

async function answer(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://site')
  const file = join(folder, normalize(pathname.endsWith('/') ? `${pathname}index.html` : pathname))
  const type = TYPES[extname(file)] ?? 'application/octet-stream'
  await readFile(file).then(
    (content) => response.writeHead(200, { 'content-type': type }).end(content),
    () => response.writeHead(404).end(),
  )
}
