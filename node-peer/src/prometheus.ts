import type { Metric } from 'legion-mesh'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Answer } from './http.js'

/** Shows the metrics of a Legion, and the process's own, in the text format of Prometheus. */
export class Prometheus {
  readonly #read: () => readonly Metric[]
  readonly #process = new Registry()

  constructor(read: () => readonly Metric[]) {
    this.#read = read
    collectDefaultMetrics({ register: this.#process })
  }

  async answer(): Promise<Answer> {
    const registry = Registry.merge([this.#process, toRegistry(this.#read())])
    return { status: 200, contentType: registry.contentType, body: await registry.metrics() }
  }
}

function toRegistry(metrics: readonly Metric[]): Registry {
  const registry = new Registry()
  const shown = new Map<string, Counter | Gauge>()
  for (const metric of metrics) {
    const known = shown.get(metric.name) ?? create(metric, registry)
    shown.set(metric.name, known)
    known.inc(metric.labels, metric.value)
  }
  return registry
}

/** All metrics of one name have the same labels. */
function create({ name, help, type, labels }: Metric, registry: Registry): Counter | Gauge {
  const configuration = { name, help, labelNames: Object.keys(labels), registers: [registry] }
  return type === 'counter' ? new Counter(configuration) : new Gauge(configuration)
}
