#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { parse } from 'valibot'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import { iceServers } from './protocol.js'
import { createSignalingServer, type SignalingServer, type SignalingServerOptions } from './server.js'

const USAGE = `legion-signaling: lets the peers of a cluster find each other

  --port N         port to listen on (default 4455; 0 takes a free one)
  --host ADDRESS   address to listen on (default: all)
  --ice JSON       ICE servers for the peers, e.g. '[{"urls":"stun:stun.example.org"}]'
  --origin URL     a web origin that may connect; may be repeated (default: all)
  --trust-proxy    take the client's address from X-Forwarded-For
  --warmup-ms N    found no cluster in the first N ms (default 3000)
  --limit NAME=N   change a limit; may be repeated. Names and defaults:
${Object.entries(DEFAULT_LIMITS)
  .map(([name, value]) => `                     ${name}=${value}`)
  .join('\n')}
  --help           show this
`

interface Settings {
  readonly port: number
  readonly host: string | undefined
  readonly options: SignalingServerOptions
}

/** What the command line asks for, or undefined for help. Throws an Error with a sentence if it makes no sense. */
function readSettings(args: string[]): Settings | undefined {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string', default: '4455' },
      host: { type: 'string' },
      ice: { type: 'string', default: '[]' },
      origin: { type: 'string', multiple: true },
      'trust-proxy': { type: 'boolean', default: false },
      'warmup-ms': { type: 'string', default: '3000' },
      limit: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  return {
    port: wholeNumber('--port', values.port),
    host: values.host,
    options: {
      iceServers: readIceServers(values.ice),
      origins: values.origin,
      trustProxy: values['trust-proxy'],
      warmupMs: wholeNumber('--warmup-ms', values['warmup-ms']),
      limits: Object.fromEntries(values.limit.map(readLimit)),
    },
  }
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new Error(`${name} must be a whole number, not '${text}'`)
  return Number(text)
}

function readLimit(text: string): [keyof Limits, number] {
  const [name = '', value = ''] = text.split('=')
  if (!Object.hasOwn(DEFAULT_LIMITS, name)) throw new Error(`--limit knows no '${name}'; see --help`)
  return [name as keyof Limits, wholeNumber(`--limit ${name}`, value)]
}

function readIceServers(text: string): SignalingServerOptions['iceServers'] {
  try {
    return parse(iceServers, JSON.parse(text))
  } catch (error) {
    throw new Error(`--ice must be a JSON array of ICE servers: ${messageOf(error)}`)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function fail(message: string, exitCode: number): never {
  console.error(`legion-signaling: ${message}`)
  process.exit(exitCode)
}

function closeOnSignals(server: SignalingServer): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void server.close())
}

async function run(settings: Settings): Promise<void> {
  const server = createSignalingServer(settings.options)
  closeOnSignals(server)
  await server.listen(settings.port, settings.host)
  console.log(`legion-signaling listens on ${server.url}`)
}

try {
  const settings = readSettings(process.argv.slice(2))
  if (settings === undefined) console.log(USAGE)
  else run(settings).catch((error) => fail(`cannot listen: ${messageOf(error)}`, 1))
} catch (error) {
  fail(messageOf(error), 2)
}
