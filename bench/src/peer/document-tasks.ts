import { setImmediate } from 'node:timers/promises'
import type { LegionDocument } from 'legion-mesh'
import { requireLegion } from './legion-tasks.js'
import { machineMs } from './machine-clock.js'

export type Edit = 'map' | 'text'

export interface WriteSettings {
  readonly document: string
  readonly edit: Edit
  readonly count: number
  /** False: all in one task, so that they leave together. True: each in a task of its own, as if typed. */
  readonly apart: boolean
}

const KEYS = 100

/** Documents: one update per edit, each of which moves the writer's clock by one. */
export const documentTasks = {
  /** Opens the document and waits until it is shared with the others. */
  async openDocument(name: string): Promise<void> {
    const document = requireLegion().doc(name)
    if (document.status === 'synced') return
    await new Promise<void>((resolve) => {
      const stop = document.on('status', (status) => {
        if (status !== 'synced') return
        stop()
        resolve()
      })
    })
  },

  /** @returns when it began, by the machine's clock */
  async writeDocument({ document, edit, count, apart }: WriteSettings): Promise<number> {
    const open = requireLegion().doc(document)
    const startMs = machineMs()
    for (let i = 0; i < count; i++) {
      editOnce(open, edit, i)
      if (apart) await setImmediate()
    }
    return startMs
  },

  /** @returns when all `count` edits of all writers were here, by the machine's clock */
  async documentHas(name: string, count: number): Promise<number> {
    const { y } = requireLegion().doc(name)
    const isComplete = () => [...y.store.clients.keys()].reduce((sum, id) => sum + clockOf(y, id), 0) >= count
    await new Promise<void>((resolve) => {
      const check = () => {
        if (!isComplete()) return
        y.off('afterTransaction', check)
        resolve()
      }
      y.on('afterTransaction', check) // not `update`, for which Yjs would encode every transaction
      check()
    })
    return machineMs()
  },

  closeDocument(name: string): void {
    requireLegion().doc(name).close()
  },
}

function editOnce(document: LegionDocument, edit: Edit, i: number): void {
  document.applyFast((y) => {
    if (edit === 'map') y.getMap('map').set(`key-${i % KEYS}`, i)
    else y.getText('text').insert((i * 7919) % (y.getText('text').length + 1), 'x')
  })
}

function clockOf(y: LegionDocument['y'], client: number): number {
  const last = y.store.clients.get(client)?.at(-1)
  return last === undefined ? 0 : last.id.clock + last.length
}
