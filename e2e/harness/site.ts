import { preview } from 'vite'

/** A static server of a Vite build. */
export class Site {
  readonly url: string
  readonly close: () => Promise<void>

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url
    this.close = close
  }

  /** @param root the folder whose `dist` is served */
  static async serve(root: string): Promise<Site> {
    const server = await preview({ root, configFile: false, preview: { host: '127.0.0.1', port: 0 }, logLevel: 'warn' })
    const address = server.httpServer.address()
    if (address === null || typeof address === 'string') throw new Error(`no port to serve ${root}`)
    return new Site(`http://127.0.0.1:${address.port}/`, () => server.close())
  }
}
