import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, Registry } from 'prom-client'
import type { ClientMessage, ErrorCode } from './protocol.js'

export type Refusal = 'origin' | 'sockets' | 'address' | 'draining'

const NANOSECONDS = 1e9

/** What `/metrics` shows. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #received = this.#counter('received_messages_total', 'Well-formed messages from clients.', 'type')
  readonly #errors = this.#counter('errors_total', 'Errors sent to clients.', 'code')
  readonly #refused = this.#counter('refused_sockets_total', 'Sockets refused before they opened.', 'reason')
  readonly #joins = this.#counter('joins_total', 'Hellos that were let through to the rooms.')
  readonly #loopDelay = monitorEventLoopDelay()

  constructor() {
    this.gauge('event_loop_delay_seconds', 'How late the event loop is, 99th percentile since the last look.', () => {
      const nanoseconds = this.#loopDelay.percentile(99)
      this.#loopDelay.reset()
      return nanoseconds / NANOSECONDS
    })
    this.gauge('resident_memory_bytes', 'Memory of the process.', () => process.memoryUsage.rss())
  }

  /** Measures delays from now on. */
  start(): void {
    this.#loopDelay.enable()
  }

  stop(): void {
    this.#loopDelay.disable()
  }

  received(type: ClientMessage['type']): void {
    this.#received.inc({ type })
  }

  joined(): void {
    this.#joins.inc()
  }

  error(code: ErrorCode): void {
    this.#errors.inc({ code })
  }

  refused(reason: Refusal): void {
    this.#refused.inc({ reason })
  }

  gauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name: `legion_signaling_${name}`,
      help,
      registers: [this.#registry],
      collect() {
        this.set(value())
      },
    })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** In the text format of Prometheus. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  #counter<Label extends string>(name: string, help: string, ...labelNames: Label[]): Counter<Label> {
    return new Counter({ name: `legion_signaling_${name}`, help, labelNames, registers: [this.#registry] })
  }
}
