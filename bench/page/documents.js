import { openDocument } from './shared-document.js'
import { sentBytes, watchConnections } from './traffic.js'

const KEYS = 100
watchConnections()
/** A page that shares one document at a time, driven through `globalThis.bench`. */
class DocumentBench {
  #document
  open(options) {
    this.#document = openDocument(options)
  }
  shared() {
    return this.#opened.shared()
  }
  /** @returns when it began, by the machine's clock, in ms */
  async write({ edit, count, apart }) {
    const { y } = this.#opened
    const startMs = machineMs()
    for (let i = 0; i < count; i++) {
      editOnce(y, edit, i)
      if (apart) await nextTask()
    }
    return startMs
  }
  /** @returns when all edits of all writers were here, each of which moves a client's clock by one */
  async has(count) {
    const { y } = this.#opened
    await new Promise((resolve) => {
      const check = () => {
        if (clocks(y) < count) return
        y.off('update', check)
        resolve()
      }
      y.on('update', check)
      check()
    })
    return machineMs()
  }
  sentBytes() {
    return sentBytes()
  }
  async close() {
    await this.#document?.close()
    this.#document = undefined
  }
  get #opened() {
    if (this.#document === undefined) throw new Error('open first')
    return this.#document
  }
}
function editOnce(y, edit, i) {
  if (edit === 'map') y.getMap('map').set(`key-${i % KEYS}`, i)
  else y.getText('text').insert((i * 7919) % (y.getText('text').length + 1), 'x')
}
function clocks(y) {
  return [...y.store.clients.values()].reduce((sum, structs) => {
    const last = structs.at(-1)
    return sum + (last === undefined ? 0 : last.id.clock + last.length)
  }, 0)
}
/** Sooner than a timer, which browsers hold back. */
function nextTask() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => resolve()
    port2.postMessage(undefined)
  })
}
function machineMs() {
  return performance.timeOrigin + performance.now()
}
globalThis.bench = new DocumentBench()
//# sourceMappingURL=documents.js.map
