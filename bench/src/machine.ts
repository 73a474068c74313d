import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem, type } from 'node:os'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  /** Processes that wanted to run in the last minute. */
  readonly load: number
  /** Of what was measured, by name. */
  readonly versions: Readonly<Record<string, string>>
}

const PACKAGES = ['legion-mesh', 'node-datachannel', '@roamhq/wrtc', 'classic-level']

export function thisMachine(): Machine {
  const processors = cpus()
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    load: loadavg()[0] ?? 0,
    versions: {
      Node: process.version,
      ...Object.fromEntries(PACKAGES.map((name) => [name, packageVersion(name)])),
      etcd: etcdVersion() ?? 'not installed',
    },
  }
}

/** Undefined if etcd is not installed. */
export function etcdVersion(): string | undefined {
  try {
    return /etcd Version: (\S+)/.exec(execFileSync('etcd', ['--version'], { encoding: 'utf8' }))?.[1]
  } catch {
    return undefined
  }
}

function packageVersion(name: string): string {
  const manifest = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version
}
