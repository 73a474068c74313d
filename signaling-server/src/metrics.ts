import { Counter, Gauge, Registry } from 'prom-client'
import type { ClientMessage, ErrorCode } from './protocol.js'

export type Refusal = 'origin' | 'sockets' | 'address'

/** What `/metrics` shows. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #received = this.#counter('received_messages_total', 'Well-formed messages from clients.', 'type')
  readonly #errors = this.#counter('errors_total', 'Errors sent to clients.', 'code')
  readonly #refused = this.#counter('refused_sockets_total', 'Sockets refused before they opened.', 'reason')

  received(type: ClientMessage['type']): void {
    this.#received.inc({ type })
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

  #counter<Label extends string>(name: string, help: string, label: Label): Counter<Label> {
    return new Counter({
      name: `legion_signaling_${name}`,
      help,
      labelNames: [label],
      registers: [this.#registry],
    })
  }
}
