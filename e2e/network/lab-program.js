import { createInterface } from 'node:readline'
import { Legion } from 'legion-mesh'
import { nodePlatform } from 'legion-mesh/node'
import { theatre } from '../machines/theatre.js'

// A Legion in a process of its own, driven by a test: each line of its input is a call, each line of its output that
// begins with { the answer to one.

/** @type {import('./network-peer.js').ProcessPeerOptions} */
const { webrtc, ...options } = JSON.parse(process.argv[2] ?? '{}')
const logger = { ...console, debug: console.info }
const legion = Legion.open({ ...options, machine: theatre, platform: await nodePlatform({ webrtc }), logger })
const text = legion.doc().y.getText('notes')
/** @type {string[]} */
const errors = []
legion.on('error', ({ code, message }) => errors.push(`${code}: ${message}`))

/** @type {Record<string, (argument: any) => unknown>} */
const calls = {
  id: () => legion.self.id,
  ready: () => legion.ready,
  write: (/** @type {string} */ words) => legion.applyFast(() => text.insert(text.length, words)),
  reserve: (/** @type {string} */ seat) => legion.applyConsistent('reserve', seat),
  text: () => text.toString(),
  seats: () => legion.state.seats,
  voterNames: () =>
    legion.members
      .filter(({ role }) => role === 'voter')
      .map(({ name }) => name)
      .sort(),
  states: () => Object.fromEntries(Object.entries(legion.status().mesh.peers).map(([id, { state }]) => [id, state])),
  errors: () => errors,
  describe: () => JSON.stringify(legion.status()),
}

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, name, argument } = JSON.parse(line)
  try {
    answer({ id, value: await calls[name]?.(argument) })
  } catch (error) {
    answer({ id, problem: String(error) })
  }
})
process.stdin.on('close', () => process.exit()) // Whoever started it is gone.

/** @param {object} message */
function answer(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}
