import type { Message, VoterId } from 'legion-mesh/raft'
import { ReplicatedCounter } from './counter.js'

// Three replicas in one process. The network is a queue, and one of them crashes.

const ids = ['ann', 'bob', 'cem'] as VoterId[]
const queue: Message[] = []
const alive = new Map(ids.map((id) => [id, new ReplicatedCounter(id, ids, (message) => queue.push(message))]))

function run(ticks: number): void {
  for (let i = 0; i < ticks; i++) {
    for (const counter of alive.values()) counter.tick()
    for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
      alive.get(message.to)?.receive(message)
    }
  }
}

function report(say: (line: string) => void): void {
  for (const counter of alive.values()) counter.read((count) => say(`${counter.id} reads ${count}`))
  run(10)
}

/** @param say gets what happens, line by line */
export function main(say: (line: string) => void): void {
  run(100)
  for (const counter of alive.values()) counter.add(7)
  run(10)
  report(say)
  const leader = [...alive.values()].find(({ leads }) => leads)
  if (leader !== undefined) alive.delete(leader.id)
  say('the leader is gone')
  run(100)
  for (const counter of alive.values()) counter.add(10)
  run(10)
  report(say)
}
