import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Of names and addresses: a run sweeps away what others with its prefix left behind when they were killed. */
const PREFIX = 'legion'
const TOOLS = ['ip', 'iptables']

/**
 * What a NAT does with a peer's UDP port: `cone` keeps it for all destinations, so peers meet by STUN; `symmetric`
 * takes another one for each, so they need a relay.
 */
export type NatKind = 'cone' | 'symmetric'

/** A machine of the virtual network. */
export interface Host {
  /** Its network namespace. */
  readonly namespace: string
  /** Its own address. Behind a NAT nobody outside can reach it. */
  readonly address: string
}

/** Undefined if this machine can have virtual networks, else what is missing. */
export function whyNoVirtualNetwork(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces exist on Linux only'
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const missing = TOOLS.filter((tool) => spawnSync(tool, ['-V']).status !== 0)
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : undefined
}

/**
 * Machines in network namespaces, all connected to one router, which can drop what it should forward without a word:
 * no interface goes down, no application is told. The process that made it is reachable at `address`.
 *
 * It ends with `destroy`, or with the process; what a killed process left goes at the next start.
 */
export class VirtualNetwork {
  /** Of this process, as the machines see it. */
  readonly address: string
  readonly #name = `${PREFIX}-${process.pid}`
  readonly #subnet = `10.${64 + (process.pid % 128)}`
  readonly #router = `${this.#name}-router`
  readonly #scripts = mkdtempSync(join(tmpdir(), `${PREFIX}-`))
  readonly #onExit = () => this.destroy()
  #links = 0

  constructor() {
    sweep()
    process.once('exit', this.#onExit)
    this.#addNamespace(this.#router)
    run('ip', 'netns', 'exec', this.#router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
    const uplink = `${PREFIX}${process.pid % 1_000_000}`
    this.address = `${this.#subnet}.0.2`
    ip('link', 'add', 'name', uplink, 'type', 'veth', 'peer', 'name', HOME, 'netns', this.#router)
    ip('-n', this.#router, 'address', 'add', `${this.#subnet}.0.1/30`, 'dev', HOME)
    ip('-n', this.#router, 'link', 'set', HOME, 'up')
    ip('address', 'add', `${this.address}/30`, 'dev', uplink)
    ip('link', 'set', uplink, 'up')
    ip('route', 'add', `${this.#subnet}.0.0/16`, 'via', `${this.#subnet}.0.1`)
  }

  /** A machine with an address that all others can reach. */
  addHost(name: string): Host {
    const namespace = `${this.#name}-${name}`
    this.#addNamespace(namespace)
    return { namespace, address: this.#connect(namespace, this.#router, this.#subnet) }
  }

  /** A machine in a network of its own behind a router with NAT. */
  addHostBehindNat(name: string, kind: NatKind): Host {
    const nat = this.addHost(`${name}-nat`)
    run('ip', 'netns', 'exec', nat.namespace, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
    const ports = kind === 'symmetric' ? ['--random-fully'] : []
    iptables(nat, '-t', 'nat', '-A', 'POSTROUTING', '-o', UPLINK, '-j', 'MASQUERADE', ...ports)
    // What nobody asked for. Without this rule the NAT's answers to it would spoil the ports of cones.
    iptables(nat, '-A', 'INPUT', '-i', UPLINK, '-p', 'udp', '-j', 'DROP')
    const namespace = `${this.#name}-${name}`
    this.#addNamespace(namespace)
    return { namespace, address: this.#connect(namespace, nat.namespace, '192.168') }
  }

  /** From now on the router drops all that comes from the host or goes to it, or only what it exchanges with `other`. */
  cut(host: Host, other?: Host): void {
    for (const rule of rulesBetween(host, other)) this.#filter('-A', rule)
  }

  /** Takes back a `cut` of the same arguments. */
  restore(host: Host, other?: Host): void {
    for (const rule of rulesBetween(host, other)) this.#filter('-D', rule)
  }

  /** Pulls the host's cable out or puts it in again: programs there can notice. */
  plug(host: Host, isPlugged: boolean): void {
    ip('-n', host.namespace, 'link', 'set', UPLINK, isPlugged ? 'up' : 'down')
    if (isPlugged) ip('-n', host.namespace, 'route', 'replace', 'default', 'via', gatewayOf(host.address))
  }

  /** The host is in another network from now on: its address is gone, it has a new one. */
  move(host: Host): void {
    ip('-n', host.namespace, 'address', 'flush', 'dev', UPLINK)
    ip('-n', host.namespace, 'route', 'add', 'default', 'via', this.#addNetwork(host), 'onlink', 'dev', UPLINK)
  }

  /** The host is in another network too, with an address of its own there. @returns the gateway */
  #addNetwork(host: Host): string {
    const gateway = host.address.replace(/\d+$/, '5')
    const port = `port${host.address.split('.')[2]}`
    ip('-n', this.#router, 'address', 'add', `${gateway}/30`, 'dev', port)
    ip('-n', host.namespace, 'address', 'add', `${host.address.replace(/\d+$/, '6')}/30`, 'dev', UPLINK)
    return gateway
  }

  /** A script that runs `program` on the host with the script's own arguments. */
  script(host: Host, program: string): string {
    const file = join(this.#scripts, `${host.namespace}.sh`)
    writeFileSync(file, `#!/bin/sh\nexec ip netns exec ${host.namespace} ${program} "$@"\n`, { mode: 0o755 })
    return file
  }

  /** Ends whatever still runs on the hosts. Idempotent. */
  destroy(): void {
    process.off('exit', this.#onExit)
    removeNamespaces((name) => name.startsWith(`${this.#name}-`))
    rmSync(this.#scripts, { recursive: true, force: true })
  }

  #addNamespace(namespace: string): void {
    ip('netns', 'add', namespace)
    ip('-n', namespace, 'link', 'set', 'lo', 'up')
    // An address family without a route out would only be tried in vain.
    const off = ['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1']
    run('ip', 'netns', 'exec', namespace, 'sysctl', '-qw', ...off)
  }

  /** Two ends of a cable and the way out. @returns the address of the lower end */
  #connect(lower: string, upper: string, subnet: string): string {
    const number = ++this.#links
    const gateway = `${subnet}.${number}.1`
    const address = `${subnet}.${number}.2`
    const port = `port${number}`
    ip('link', 'add', 'name', UPLINK, 'netns', lower, 'type', 'veth', 'peer', 'name', port, 'netns', upper)
    ip('-n', upper, 'address', 'add', `${gateway}/30`, 'dev', port)
    ip('-n', upper, 'link', 'set', port, 'up')
    ip('-n', lower, 'address', 'add', `${address}/30`, 'dev', UPLINK)
    ip('-n', lower, 'link', 'set', UPLINK, 'up')
    ip('-n', lower, 'route', 'add', 'default', 'via', gateway)
    return address
  }

  #filter(action: '-A' | '-D', rule: readonly string[]): void {
    iptables({ namespace: this.#router }, action, 'FORWARD', ...rule, '-j', 'DROP')
  }
}

/** Of every machine: towards the router. */
const UPLINK = 'eth0'
/** Of the router: towards this process. */
const HOME = 'home'

function rulesBetween({ address }: Host, other: Host | undefined): string[][] {
  if (other === undefined) return [['-s', address], ['-d', address]] // biome-ignore format: pairs
  return [
    ['-s', address, '-d', other.address],
    ['-s', other.address, '-d', address],
  ]
}

function gatewayOf(address: string): string {
  return address.replace(/\d+$/, '1')
}

/** Removes the namespaces of processes that are gone. */
function sweep(): void {
  removeNamespaces((name) => {
    const pid = new RegExp(`^${PREFIX}-(\\d+)-`).exec(name)?.[1]
    return pid !== undefined && !isAlive(Number(pid))
  })
}

function removeNamespaces(isUnwanted: (name: string) => boolean): void {
  const names = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout.split('\n')
  for (const name of names.map((line) => line.split(' ')[0] ?? '').filter(isUnwanted)) {
    const pids = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).stdout.split('\n')
    for (const pid of pids.filter((text) => text !== '')) kill(Number(pid))
    spawnSync('ip', ['netns', 'delete', name])
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function iptables({ namespace }: Pick<Host, 'namespace'>, ...args: string[]): void {
  run('ip', 'netns', 'exec', namespace, 'iptables', '-w', ...args)
}

function ip(...args: string[]): void {
  run('ip', ...args)
}

function run(program: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${[program, ...args].join(' ')}: ${error?.message ?? stderr}`)
}
