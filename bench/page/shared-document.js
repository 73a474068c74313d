import { Legion } from 'legion-mesh'
import { WebrtcProvider } from 'y-webrtc'
import * as Y from 'yjs'

/** What no compression makes small, and Yjs keeps in pieces of that size. */
const PIECE_CHARACTERS = 1_000
export function openDocument(options) {
  return options.library === 'legion-mesh' ? openLegion(options) : openYWebrtc(options)
}
let legion
/** One Legion for all documents, as in an application. */
function openLegion({ name, signaling, characters }) {
  legion ??= Legion.open({ cluster: 'bench-documents', signaling })
  const document = legion.doc(name)
  fill(document.y, characters)
  return {
    y: document.y,
    shared: () =>
      until(
        () => document.status === 'synced',
        (changed) => document.on('status', changed),
      ),
    close: async () => document.close(),
  }
}
/** A provider per document: it knows no other way. */
function openYWebrtc({ name, signaling, characters }) {
  const y = new Y.Doc()
  fill(y, characters)
  const provider = new WebrtcProvider(name, y, { signaling: [signaling], filterBcConns: false })
  const isShared = () => {
    const peers = [...(provider.room?.webrtcConns.values() ?? [])]
    return peers.some(({ synced }) => synced)
  }
  return {
    y,
    shared: () =>
      until(isShared, (changed) => {
        provider.on('synced', changed)
        return () => provider.off('synced', changed)
      }),
    async close() {
      provider.destroy()
      y.destroy()
    },
  }
}
function fill(y, characters) {
  for (let i = 0; i < characters; i += PIECE_CHARACTERS) y.getArray('pieces').push([randomText()])
}
function randomText() {
  return Array.from({ length: PIECE_CHARACTERS }, () => String.fromCharCode(97 + Math.random() * 26)).join('')
}
function until(condition, subscribe) {
  return new Promise((resolve) => {
    const unsubscribe = subscribe(() => check())
    const check = () => {
      if (!condition()) return
      unsubscribe()
      resolve()
    }
    check()
  })
}
//# sourceMappingURL=shared-document.js.map
