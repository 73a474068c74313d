import { parseArgs } from 'node:util'
import { parse } from 'valibot'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import { jsonLog, LOG_LEVELS, type Log, type LogLevel, messageOf, silentLog } from './log.js'
import { iceServers } from './protocol.js'
import type { SignalingServerOptions } from './server.js'
import type { TurnOptions } from './turn.js'

export const USAGE = `legion-signaling: lets the peers of a cluster find each other

  --port N            port to listen on (default 4455; 0 takes a free one)
  --host ADDRESS      address to listen on (default: all)
  --ice JSON          ICE servers for the peers, e.g. '[{"urls":"stun:stun.example.org"}]'
  --turn-url URL      TURN server for which every peer gets credentials of its own; may be repeated
  --turn-secret TEXT  its static-auth-secret; better in the environment, as LEGION_TURN_SECRET
  --turn-ttl-s N      how long such credentials are good for (default 3600)
  --authorize MODULE  a module that exports \`authorize\`, which is asked about every hello
  --origin URL        a web origin that may connect; may be repeated (default: all)
  --trust-proxy       take the client's address from X-Forwarded-For
  --redis URL         share rooms with the other instances that use this Redis, e.g. redis://localhost:6379;
                      with a password better in the environment, as LEGION_REDIS_URL
  --redis-prefix TEXT of all its keys there (default legion:)
  --warmup-ms N       found no cluster in the first N ms (default 3000)
  --grace-ms N        remember a cluster that nobody stored for N ms (default 5000)
  --drain-ms N        on SIGTERM and SIGINT close the sockets one by one, within N ms (default 5000)
  --log-level LEVEL   ${LOG_LEVELS.join(', ')} or silent: JSON lines on standard error (default info)
  --limit NAME=N      change a limit; may be repeated. Names and defaults:
${Object.entries(DEFAULT_LIMITS)
  .map(([name, value]) => `                        ${name}=${value}`)
  .join('\n')}
  --help              show this
`

const OPTIONS = {
  port: { type: 'string', default: '4455' },
  host: { type: 'string' },
  ice: { type: 'string', default: '[]' },
  'turn-url': { type: 'string', multiple: true },
  'turn-secret': { type: 'string' },
  'turn-ttl-s': { type: 'string', default: '3600' },
  authorize: { type: 'string' },
  origin: { type: 'string', multiple: true },
  'trust-proxy': { type: 'boolean', default: false },
  redis: { type: 'string' },
  'redis-prefix': { type: 'string' },
  'warmup-ms': { type: 'string', default: '3000' },
  'grace-ms': { type: 'string', default: '5000' },
  'drain-ms': { type: 'string', default: '5000' },
  'log-level': { type: 'string', default: 'info' },
  limit: { type: 'string', multiple: true },
  help: { type: 'boolean', default: false },
} as const

export interface Settings {
  readonly port: number
  readonly host: string | undefined
  readonly drainMs: number
  /** Path of the module with the hook. */
  readonly authorize: string | undefined
  readonly options: SignalingServerOptions
}

/**
 * What the command line asks for, or undefined for help.
 *
 * @throws Error with a sentence if it makes no sense
 */
export function readSettings(args: string[], environment: NodeJS.ProcessEnv): Settings | undefined {
  const { LEGION_TURN_SECRET: turnSecret, LEGION_REDIS_URL: redisUrl } = environment
  const { values } = parseArgs({ args, options: OPTIONS })
  if (values.help) return undefined
  return {
    port: wholeNumber('--port', values.port),
    host: values.host,
    drainMs: wholeNumber('--drain-ms', values['drain-ms']),
    authorize: values.authorize,
    options: {
      iceServers: readIceServers(values.ice),
      turn: readTurn(values['turn-url'], values['turn-secret'] ?? turnSecret, values['turn-ttl-s']),
      origins: values.origin,
      trustProxy: values['trust-proxy'],
      redis: readRedis(values.redis ?? redisUrl, values['redis-prefix']),
      warmupMs: wholeNumber('--warmup-ms', values['warmup-ms']),
      graceMs: wholeNumber('--grace-ms', values['grace-ms']),
      limits: Object.fromEntries((values.limit ?? []).map(readLimit)),
      log: readLog(values['log-level']),
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

function readTurn(urls: string[] | undefined, secret: string | undefined, ttl: string): TurnOptions | undefined {
  const ttlSeconds = wholeNumber('--turn-ttl-s', ttl)
  if (urls === undefined) return undefined
  const wrong = urls.find((url) => !/^turns?:\S+$/.test(url))
  if (wrong !== undefined) throw new Error(`--turn-url must be turn:host:port or turns:host:port, not '${wrong}'`)
  if (secret === undefined) throw new Error('--turn-url needs --turn-secret, or LEGION_TURN_SECRET in the environment')
  return { urls, secret, ttlSeconds }
}

function readRedis(url: string | undefined, prefix: string | undefined): SignalingServerOptions['redis'] {
  if (url === undefined) return undefined
  if (!/^rediss?:\/\/./.test(url)) throw new Error(`--redis must be redis://host:port, not '${url}'`)
  return { url, prefix }
}

function readLog(level: string): Log {
  if (level === 'silent') return silentLog
  if (!isLogLevel(level)) throw new Error(`--log-level must be ${LOG_LEVELS.join(', ')} or silent, not '${level}'`)
  return jsonLog(level, (line) => process.stderr.write(line))
}

function isLogLevel(text: string): text is LogLevel {
  return LOG_LEVELS.some((level) => level === text)
}
