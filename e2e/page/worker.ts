/**
 * Loads the entries that pages use in a place without a window, where touching one throws. Tells what of the world they
 * used.
 */
const used: string[] = []
for (const name of ['setTimeout', 'setInterval', 'fetch', 'WebSocket', 'indexedDB', 'BroadcastChannel']) {
  Object.defineProperty(globalThis, name, { get: () => void used.push(name) })
}
const entries = await Promise.all([import('legion-mesh'), import('legion-mesh/machines'), import('legion-mesh/raft')])
postMessage({ exported: entries.map((entry) => Object.keys(entry).length > 0), used })
