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
export declare function openDocument(options: OpenOptions): SharedDocument
