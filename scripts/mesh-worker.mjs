// Some of the peers of `mesh.mjs`, which asks by messages of the process and gets one answer each.
import { Legion } from '../lib/dist/index.js'
import { nodePlatform } from '../lib/dist/node.js'

const [signaling, size, links] = process.argv.slice(2)
const CONVERGE_EVERY_MS = 50

const platform = await nodePlatform()
let heard = 0
const handlers = {
  whoAreYou: (_, { legion }) => legion.self.id,
  hear: () => {
    heard++
  },
}
const legions = Array.from({ length: Number(size) }, () =>
  Legion.open({ cluster: 'mesh', signaling, platform, handlers, limits: { mesh: { links: Number(links) } } }),
)

const tasks = {
  reach: () => legions.map(({ peers }) => peers.size),
  links: () => legions.map((legion) => ({ id: legion.self.id, peers: linkedWith(legion) })),
  broadcastMessages: () => legions.map((legion) => legion.status().mesh.relay.broadcasts),
  callAll: () => Promise.all(legions.flatMap((legion) => [...legion.peers.keys()].map((peer) => call(legion, peer)))),
  broadcast: ({ name }) => legions[name.length % legions.length].broadcast('hear', name),
  takeHeard: () => {
    const taken = heard
    heard = 0
    return taken
  },
  /** Each peer writes; done when all have what all wrote, those of other processes included. */
  async write({ mark, total }) {
    for (const { self, doc } of legions.map((legion) => ({ self: legion.self, doc: legion.doc() }))) {
      doc.y.getMap(mark).set(self.id, true)
    }
    while (legions.some((legion) => legion.doc().y.getMap(mark).size < total)) await pause(CONVERGE_EVERY_MS)
  },
}

process.on('message', async ({ number, what, options }) => {
  process.send({ number, result: await tasks[what](options) })
})
process.on('disconnect', () => process.exit())

function linkedWith(legion) {
  return Object.entries(legion.status().mesh.peers).flatMap(([peer, { state }]) => (state === 'direct' ? [peer] : []))
}

async function call(legion, peer) {
  try {
    const answer = await legion.call(peer, 'whoAreYou')
    return { problem: answer === peer ? undefined : `${peer} calls itself ${answer}` }
  } catch (error) {
    return { problem: `${error.code}: ${error.message}` }
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
