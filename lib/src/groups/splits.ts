import { isSameSplit, type Split } from './split.js'

const SPLITS_MAX = 16

/** The splits that this peer has heard of, each once; the oldest are forgotten. */
export class Splits {
  #all: readonly Split[] = []

  get all(): readonly Split[] {
    return this.#all
  }

  /** @returns false if it was known */
  note(split: Split): boolean {
    if (this.#all.some((known) => isSameSplit(known, split))) return false
    this.#all = [...this.#all, split].slice(-SPLITS_MAX)
    return true
  }

  /** This peer went over to another side. */
  clear(): void {
    this.#all = []
  }
}
