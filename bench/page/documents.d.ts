import { type OpenOptions } from './shared-document.js'
export type Edit = 'map' | 'text'
export interface WriteOptions {
  readonly edit: Edit
  readonly count: number
  /** True: each in a task of its own, as if typed; false: all in one. */
  readonly apart: boolean
}
/** A page that shares one document at a time, driven through `globalThis.bench`. */
declare class DocumentBench {
  #private
  open(options: OpenOptions): void
  shared(): Promise<void>
  /** @returns when it began, by the machine's clock, in ms */
  write({ edit, count, apart }: WriteOptions): Promise<number>
  /** @returns when all edits of all writers were here, each of which moves a client's clock by one */
  has(count: number): Promise<number>
  sentBytes(): Promise<number>
  close(): Promise<void>
}
declare global {
  var bench: DocumentBench
}
