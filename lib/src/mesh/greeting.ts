import type { PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import { DecodeError } from '../codec/decode.js'
import type { Lane } from '../transport/lanes.js'
import type { Link } from '../transport/link.js'
import { type Authorize, askWhether } from './authorization.js'
import { CONTROL_PORT, type ControlMessage, decodeControl, encodeControl } from './control.js'
import { type Identity, judgeHello } from './handshake.js'

/** `incompatible`: the two can't talk; `unauthorized`: the other side will not; `declined`: this side will not. */
export type Refusal = 'incompatible' | 'unauthorized' | 'declined'

export interface GreetingOptions {
  /** Who the other side must be. */
  readonly peer: PeerId
  readonly logger: Logger
  /** Asked before the link counts; undefined: everybody may be linked. */
  readonly authorize: Authorize | undefined
  /** What this peer says first; it says that it authorizes, if it does. */
  hello(): Uint8Array
  /** The link counts. */
  succeeded(identity: Identity): void
  /**
   * @param refusal undefined: another try may do
   * @param sayWhy tells the other side, which closes the link
   */
  failed(problem: string, refusal?: Refusal, sayWhy?: () => void): void
}

type Verdict = 'awaited' | 'given'

/**
 * The first words on a link: a hello each way; then, of each side that authorizes, its verdict. Both sides count the
 * link only after all of it, so nothing else is sent meanwhile, and nothing has to be kept. Ends with exactly one of
 * `succeeded` and `failed`, unless it is stopped.
 */
export class Greeting {
  readonly #link: Link
  readonly #options: GreetingOptions
  #identity: Identity | undefined
  #ours: Verdict
  #theirs: Verdict = 'awaited'
  #isOver = false

  constructor(link: Link, options: GreetingOptions) {
    this.#link = link
    this.#options = options
    this.#ours = options.authorize === undefined ? 'given' : 'awaited'
    link.send('control', CONTROL_PORT, options.hello())
  }

  /** What is missing, for people. */
  get missing(): string {
    if (this.#identity === undefined) return 'no hello in time'
    return this.#ours === 'awaited' ? 'authorize did not answer in time' : 'it did not say in time whether it admits us'
  }

  /** A message came over the link. */
  receive(lane: Lane, port: number, payload: Uint8Array): void {
    if (this.#isOver) return
    try {
      if (lane !== 'control' || port !== CONTROL_PORT) throw new DecodeError('a message before the end of the greeting')
      if (this.#identity === undefined) this.#hello(payload)
      else this.#verdict(decodeControl(payload))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#fail(`malformed: ${error.message}`)
    }
  }

  /** Nothing happens any more. */
  stop(): void {
    this.#isOver = true
  }

  #hello(payload: Uint8Array): void {
    const verdict = judgeHello(payload, this.#options.peer)
    if (verdict.accepted) this.#greeted(verdict.identity)
    else this.#fail(verdict.problem, 'incompatible')
  }

  #greeted(identity: Identity): void {
    const { authorize } = this.#options
    this.#identity = identity
    if (identity.authorizes !== true) this.#theirs = 'given'
    if (authorize !== undefined) void this.#ask(authorize, identity)
    this.#evaluate()
  }

  async #ask(authorize: Authorize, { info, credential }: Identity): Promise<void> {
    const failed = (error: unknown) => this.#options.logger.error(`authorize failed for ${info.id}`, error)
    const isAuthorized = await askWhether(authorize, { ...info, credential }, failed)
    if (this.#isOver) return
    if (isAuthorized) this.#admit()
    else this.#refuse()
  }

  #admit(): void {
    this.#ours = 'given'
    this.#link.send('control', CONTROL_PORT, encodeControl({ kind: 'admitted' }))
    this.#evaluate()
  }

  #refuse(): void {
    const message = encodeControl({ kind: 'refused', problem: 'it is not authorized' })
    this.#fail('refused: not authorized here', 'declined', () => this.#link.goodbye(CONTROL_PORT, message))
  }

  #verdict(message: ControlMessage): void {
    if (message.kind === 'refused') this.#fail(`refused us: ${message.problem}`, 'unauthorized')
    else if (message.kind === 'goodbye') this.#fail('said goodbye')
    else if (message.kind !== 'admitted' || this.#theirs === 'given') throw new DecodeError(`${message.kind} too early`)
    else this.#theirs = 'given'
    this.#evaluate()
  }

  #evaluate(): void {
    if (this.#isOver || this.#identity === undefined || this.#ours === 'awaited' || this.#theirs === 'awaited') return
    this.stop()
    this.#options.succeeded(this.#identity)
  }

  #fail(problem: string, refusal?: Refusal, sayWhy?: () => void): void {
    this.stop()
    this.#options.failed(problem, refusal, sayWhy)
  }
}
