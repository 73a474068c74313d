import { decodeConfigChange, type Transition } from '../../../src/raft/config-change.js'
import {
  describeEntry,
  describeMessage,
  describeProgress,
  describeReady,
  describeRole,
} from '../../../src/raft/describe.js'
import type { Message } from '../../../src/raft/messages.js'
import { emptyState } from '../../../src/raft/options.js'
import { RawNode } from '../../../src/raft/raw-node.js'
import type { Entry, InitialState, Ready, Snapshot, VoterId } from '../../../src/raft/types.js'
import { parseChanges } from './changes.js'
import { parseList, type Stanza } from './script.js'

const ELECTION_TICKS = 3
const HEARTBEAT_TICKS = 1
const NO_BYTES = new Uint8Array(0)
/** Marks changes that the original proposes in its older format, which differs in nothing but its name. */
const V1 = new TextEncoder().encode('v1')

type Command = (stanza: Stanza) => string

/** A node with a state machine that keeps a snapshot of everything it applied. */
interface Node {
  readonly id: VoterId
  readonly raw: RawNode
  latest: Snapshot
}

/** Drives nodes and the messages between them as the scripts say. Every command returns its output. */
export class Environment {
  readonly #nodes: Node[] = []
  #messages: Message[] = []
  #quiet = false

  readonly #commands: Readonly<Record<string, Command>> = {
    'log-level': ({ positional }) => this.#setQuiet(positional[0] === 'none'),
    'add-nodes': (stanza) => this.#addNodes(stanza),
    campaign: ({ positional }) => silently(() => this.#node(positional[0]).raw.campaign()),
    stabilize: (stanza) => this.#stabilize(stanza),
    'process-ready': ({ positional }) => positional.map((id) => this.#processReady(this.#node(id))).join(''),
    'deliver-msgs': (stanza) => this.#deliver(stanza),
    propose: ({ positional: [id, data] }) => this.#propose(this.#node(id), data ?? ''),
    'propose-conf-change': (stanza) => this.#proposeChange(stanza),
    compact: ({ positional: [id, index] }) => silently(() => this.#node(id).raw.compact(Number(index))),
    status: ({ positional }) => describeMembers(this.#node(positional[0])),
    'raft-log': ({ positional }) => describeLog(this.#node(positional[0])),
    'raft-state': () => this.#nodes.map(describeState).join(''),
    'tick-heartbeat': ({ positional }) => this.#tick(this.#node(positional[0]), HEARTBEAT_TICKS),
    'tick-election': ({ positional }) => this.#tick(this.#node(positional[0]), ELECTION_TICKS),
    'transfer-leadership': ({ named }) =>
      silently(() => this.#node(named.get('from')).raw.transferLeader(named.get('to') as VoterId)),
    'report-unreachable': ({ positional: [id, other] }) =>
      silently(() => this.#node(id).raw.reportUnreachable(other as VoterId)),
    'forget-leader': ({ positional }) => forgetLeader(this.#node(positional[0]).raw),
    'set-randomized-election-timeout': ({ named }) => checkElectionTimeout(named.get('timeout')),
  }

  run(stanza: Stanza): string {
    const command = this.#commands[stanza.command]
    if (command === undefined) throw new Error(`line ${stanza.line}: unknown command ${stanza.command}`)
    const output = command(stanza)
    const quiet = this.#quiet || stanza.named.get('log-level') === 'none'
    return quiet || output === '' ? 'ok' : output.trimEnd()
  }

  #setQuiet(quiet: boolean): string {
    this.#quiet = quiet
    return ''
  }

  #node(id: string | undefined): Node {
    const node = this.#nodes[Number(id) - 1]
    if (node === undefined) throw new Error(`no node ${id}`)
    return node
  }

  #addNodes({ positional, named }: Stanza): string {
    for (let count = Number(positional[0]); count > 0; count--) {
      const initial = parseInitialState(named)
      const id = String(this.#nodes.length + 1) as VoterId
      const raw = new RawNode({
        id,
        initial,
        random: () => 0,
        snapshot: () => node.latest,
        electionTicks: ELECTION_TICKS,
        heartbeatTicks: HEARTBEAT_TICKS,
        preVote: named.get('prevote') === 'true',
        checkQuorum: named.get('checkquorum') === 'true',
        stepDownOnRemoval: false,
        maxMessageBytes: Number.MAX_SAFE_INTEGER,
        maxInflightMessages: Number.MAX_SAFE_INTEGER,
        maxInflightBytes: Number.MAX_SAFE_INTEGER,
        maxCommittedBytesPerReady: Number(named.get('max-committed-size-per-ready') ?? Number.MAX_SAFE_INTEGER),
      })
      const node: Node = { id, raw, latest: { ...initial.snapshot, data: NO_BYTES } }
      this.#nodes.push(node)
    }
    return ''
  }

  #stabilize({ positional }: Stanza): string {
    const nodes = positional.length === 0 ? this.#nodes : positional.map((id) => this.#node(id))
    let output = ''
    for (let before = -1; before !== output.length; ) {
      before = output.length
      for (const node of nodes) {
        if (node.raw.hasReady()) output += `> ${node.id} handling Ready\n${indent(this.#processReady(node))}`
      }
      for (const node of nodes) {
        const waiting = this.#messages.some((message) => message.to === node.id)
        if (waiting) output += `> ${node.id} receiving messages\n${indent(this.#deliverTo(node, false))}`
      }
    }
    return output
  }

  #processReady(node: Node): string {
    const ready = node.raw.ready()
    apply(node, ready)
    this.#messages.push(...ready.messages, ...ready.messagesAfterPersist)
    node.raw.advance()
    // What became of a transfer is reported here only.
    return `${describeReady({ ...ready, transfer: undefined }, printEntry)}\n`
  }

  #deliver({ positional, named }: Stanza): string {
    const delivered = positional.map((id) => this.#deliverTo(this.#node(id), false))
    const dropped = parseList(named.get('drop')).flatMap((id) =>
      // Messages to nodes that are not there yet can be dropped, too.
      this.#nodes.some((node) => node.id === id) ? [this.#deliverTo(this.#node(id), true)] : this.#dropTo(id),
    )
    return [...delivered, ...dropped].join('')
  }

  #dropTo(id: string): string[] {
    this.#messages = this.#messages.filter((message) => message.to !== id)
    return []
  }

  #deliverTo(node: Node, drop: boolean): string {
    const messages = this.#messages.filter((message) => message.to === node.id)
    this.#messages = this.#messages.filter((message) => message.to !== node.id)
    return messages.map((message) => describeDelivery(node, message, drop)).join('')
  }

  #propose({ raw }: Node, data: string): string {
    const { kind } = raw.propose([new TextEncoder().encode(data)])
    return kind === 'dropped' ? 'raft proposal dropped' : ''
  }

  /** A change that the leader refuses becomes an empty entry in the original; here the proposer hears of it. */
  #proposeChange({ positional, named, input }: Stanza): string {
    const { raw } = this.#node(positional[0])
    const result = raw.proposeConfigChange({
      transition: (named.get('transition') ?? 'auto') as Transition,
      changes: parseChanges(input),
      context: named.get('v1') === 'true' ? V1 : NO_BYTES,
    })
    if (result.kind === 'dropped') raw.propose([NO_BYTES])
    return ''
  }

  #tick({ raw }: Node, ticks: number): string {
    for (let i = 0; i < ticks; i++) raw.tick()
    return ''
  }
}

function silently(action: () => unknown): string {
  action()
  return ''
}

function parseInitialState(named: ReadonlyMap<string, string>): InitialState {
  const index = Number(named.get('index') ?? 0)
  if (index === 0) return emptyState
  const configuration = {
    ...emptyState.snapshot.configuration,
    voters: parseList(named.get('voters')) as VoterId[],
    learners: parseList(named.get('learners')) as VoterId[],
  }
  return {
    hardState: { term: 0, vote: undefined, commit: index },
    snapshot: { index, term: 1, configuration },
    entries: [],
  }
}

function apply(node: Node, ready: Ready): void {
  if (ready.snapshot !== undefined) node.latest = ready.snapshot
  for (const entry of ready.committedEntries) {
    const configuration = entry.type === 'config' ? node.raw.applyConfigChange(entry) : node.latest.configuration
    node.latest = { index: entry.index, term: entry.term, configuration, data: NO_BYTES }
  }
}

function describeDelivery(node: Node, message: Message, drop: boolean): string {
  const text = describeMessage(message, printEntry)
  if (drop) return `dropped: ${text}\n`
  const ignored = node.raw.step(message)
  return ignored === 'unknown-peer' ? `${text}\nraft: cannot step as peer not found\n` : `${text}\n`
}

function describeMembers({ raw }: Node): string {
  return [...raw.status().progress].map(([id, progress]) => `${id}: ${describeProgress(progress)}\n`).join('')
}

function describeLog({ raw }: Node): string {
  const { firstIndex, lastIndex } = raw.status()
  return raw
    .entries(firstIndex, lastIndex)
    .map((entry) => `${printEntry(entry)}\n`)
    .join('')
}

function describeState({ raw }: Node): string {
  const { id, role, term, lead, configuration } = raw.status()
  const votes = [...configuration.voters, ...configuration.votersOutgoing].includes(id)
  return `${id}: ${describeRole(role)} (${votes ? 'Voter' : 'Non-Voter'}) Term:${term} Lead:${lead ?? 0}\n`
}

/** Here a follower forgets its leader when it hears that it can't be reached. */
function forgetLeader(raw: RawNode): string {
  const { id, lead } = raw.status()
  if (lead !== undefined && lead !== id) raw.reportUnreachable(lead)
  return ''
}

/** All nodes here draw the shortest timeout, and no script wants another. */
function checkElectionTimeout(timeout: string | undefined): string {
  if (Number(timeout) !== ELECTION_TICKS) throw new Error(`election timeout ${timeout} is not possible here`)
  return ''
}

function printEntry(entry: Entry): string {
  const text = describeEntry(entry)
  const context = entry.type === 'config' ? decodeConfigChange(entry.data)?.context.length : 0
  return context === V1.length ? text.replace('EntryConfChangeV2', 'EntryConfChange') : text
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}
