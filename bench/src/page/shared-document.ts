import { Legion } from 'legion-mesh'
import { WebrtcProvider } from 'y-webrtc'
import * as Y from 'yjs'

export type Library = 'legion-mesh' | 'y-webrtc'

/** One document, shared by one library. */
export interface SharedDocument {
  readonly y: Y.Doc
  /** Resolves when another peer is there and both have the same. */
  shared(): Promise<void>
  close(): Promise<void>
}

export interface OpenOptions {
  readonly library: Library
  readonly name: string
  readonly signaling: string
  /** Text that is there before anybody else is: so many characters. */
  readonly characters: number
}

/** What no compression makes small, and Yjs keeps in pieces of that size. */
const PIECE_CHARACTERS = 1_000

export function openDocument(options: OpenOptions): SharedDocument {
  return options.library === 'legion-mesh' ? openLegion(options) : openYWebrtc(options)
}

let legion: Legion | undefined

/** One Legion for all documents, as in an application. */
function openLegion({ name, signaling, characters }: OpenOptions): SharedDocument {
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
function openYWebrtc({ name, signaling, characters }: OpenOptions): SharedDocument {
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

function fill(y: Y.Doc, characters: number): void {
  for (let i = 0; i < characters; i += PIECE_CHARACTERS) y.getArray<string>('pieces').push([randomText()])
}

function randomText(): string {
  return Array.from({ length: PIECE_CHARACTERS }, () => String.fromCharCode(97 + Math.random() * 26)).join('')
}

function until(condition: () => boolean, subscribe: (changed: () => void) => () => void): Promise<void> {
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
