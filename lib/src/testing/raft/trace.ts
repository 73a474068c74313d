import { describeEntry, describeMessage, describeReady } from '../../raft/describe.js'
import type { Entry } from '../../raft/types.js'
import { proposalNumber } from './ledger.js'
import type { Schedule } from './schedule.js'
import { formatStep, type Step } from './steps.js'
import { World } from './world.js'

/** What happened, a line or more for each step: what was delivered, what came out. */
export function traceSchedule({ setup, steps }: Schedule): string[] {
  const world = new World(setup)
  const lines: string[] = []
  world.onReady = (id, ready) => lines.push(indent(`${id} ${describeReady(ready, printEntry)}`))
  try {
    for (const step of steps) {
      lines.push(describeStep(world, step))
      world.step(step)
    }
  } catch (error) {
    lines.push(String(error))
  }
  return lines
}

function describeStep(world: World, step: Step): string {
  const { verb, who, peer, count = 0 } = step
  const isMessage = verb === 'deliver' || verb === 'drop' || verb === 'duplicate'
  const message = isMessage && peer !== undefined ? world.links.between(who, peer)[count] : undefined
  return message === undefined ? formatStep(step) : `${verb} ${describeMessage(message, printEntry)}`
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n')
}

/** Payloads by the numbers of their proposals. */
function printEntry(entry: Entry): string {
  if (entry.type === 'config') return describeEntry(entry)
  return `${entry.term}/${entry.index} #${proposalNumber(entry)}`
}
