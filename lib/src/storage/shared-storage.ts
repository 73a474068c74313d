import type { Storage } from './storage.js'

/** A Storage that several processes share out among themselves, as the tabs of a browser profile do. */
export interface SharedStorage extends Storage {
  /**
   * Calls `free` once, when nobody has the store open: its process closed it, or ended in whatever way.
   * @returns stops waiting
   */
  whenFree(name: string, free: () => void): () => void
  /** Runs `work` while nobody else runs any under this name; they wait in line. */
  alone<T>(name: string, work: () => Promise<T>): Promise<T>
}
