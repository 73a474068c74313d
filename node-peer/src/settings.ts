import { parseArgs } from 'node:util'
import type { NodeWebRtcPackage } from 'legion-mesh/node'

export const USAGE = `legion-peer: an always-on member of a cluster

  --cluster NAME       the cluster to join or found (required)
  --signaling URL,URL  its signaling servers, ws:// or wss:// (required)
  --machine FILE       module that exports the cluster's machine (default: the built-in kv)
  --group NAME=FILE    another group to keep, and its machine; may be given again
  --keep-documents     open, keep and pass on every document that a linked peer has open (default: only main)
  --directory DIR      keeps the state there: the peer survives its process (default: memory only)
  --name NAME          how others see this peer (default: the beginning of its id)
  --webrtc STACK       node-datachannel or roamhq (default: the faster that is installed)
  --no-vote            never vote, only have a copy
  --recover            the cluster has lost its majority for good: begin anew with what is here
  --voters N           voters wanted at most, odd (default 5)
  --http PORT          serve GET /healthz and GET /status (0 takes a free port)
  --metrics PORT       serve GET /healthz and GET /metrics, for Prometheus
  --help               show this

The cluster's secret, if it has one, comes from the environment variable LEGION_SECRET.
Prints one JSON object per event and line.
`

const STACKS: ReadonlyMap<string, NodeWebRtcPackage> = new Map([
  ['node-datachannel', 'node-datachannel'],
  ['roamhq', '@roamhq/wrtc'],
])

export interface Settings {
  readonly cluster: string
  readonly signaling: readonly string[]
  readonly secret: string | undefined
  readonly machine: string | undefined
  readonly name: string | undefined
  readonly webrtc: NodeWebRtcPackage | undefined
  readonly canVote: boolean
  /** Has the cluster recovered at the start, if neither a leader nor a majority is there. */
  readonly recover: boolean
  readonly voters: number | undefined
  readonly httpPort: number | undefined
  readonly metricsPort: number | undefined
  readonly directory: string | undefined
  readonly keepsDocuments: boolean
  readonly groups: readonly GroupSettings[]
}

/** A group besides `main`. */
export interface GroupSettings {
  readonly name: string
  /** The module that exports its machine. */
  readonly machine: string
}

/**
 * What the command line and the environment ask for, or undefined for help.
 * @throws Error with a sentence if it makes no sense
 */
export function readSettings(args: string[], env: NodeJS.ProcessEnv): Settings | undefined {
  const { values } = parseArgs({
    args,
    options: {
      cluster: { type: 'string' },
      signaling: { type: 'string' },
      machine: { type: 'string' },
      name: { type: 'string' },
      webrtc: { type: 'string' },
      'no-vote': { type: 'boolean', default: false },
      recover: { type: 'boolean', default: false },
      voters: { type: 'string' },
      http: { type: 'string' },
      metrics: { type: 'string' },
      directory: { type: 'string' },
      'keep-documents': { type: 'boolean', default: false },
      group: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  return {
    cluster: required('--cluster', values.cluster),
    signaling: readUrls(required('--signaling', values.signaling)),
    secret: env['LEGION_SECRET'],
    machine: values.machine,
    name: values.name,
    webrtc: values.webrtc === undefined ? undefined : readStack(values.webrtc),
    canVote: !values['no-vote'],
    recover: values.recover,
    voters: values.voters === undefined ? undefined : wholeNumber('--voters', values.voters),
    httpPort: values.http === undefined ? undefined : wholeNumber('--http', values.http),
    metricsPort: values.metrics === undefined ? undefined : wholeNumber('--metrics', values.metrics),
    directory: values.directory === undefined ? undefined : required('--directory', values.directory),
    keepsDocuments: values['keep-documents'],
    groups: readGroups(values.group),
  }
}

function required(name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new Error(`${name} is missing; see --help`)
  return value
}

function readUrls(text: string): string[] {
  const urls = text.split(',').map((url) => url.trim())
  for (const url of urls) {
    if (!/^wss?:\/\/./.test(url)) throw new Error(`--signaling must be ws:// or wss:// URLs, not '${url}'`)
  }
  return urls
}

function readGroups(texts: readonly string[]): GroupSettings[] {
  const groups = texts.map(readGroup)
  const names = groups.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new Error(`--group names '${twice}' twice`)
  return groups
}

function readGroup(text: string): GroupSettings {
  const [, name, machine] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (name === undefined || machine === undefined) throw new Error(`--group must be NAME=FILE, not '${text}'`)
  if (name === 'main') throw new Error("--group can't be 'main', which --machine is for")
  return { name, machine }
}

function readStack(text: string): NodeWebRtcPackage {
  const found = STACKS.get(text)
  if (found === undefined) throw new Error(`--webrtc must be ${[...STACKS.keys()].join(' or ')}, not '${text}'`)
  return found
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new Error(`${name} must be a whole number, not '${text}'`)
  return Number(text)
}
