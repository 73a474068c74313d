/** One line of the log of what happened. */
export interface Activity {
  readonly id: number
  readonly kind: 'seat' | 'notes' | 'people' | 'leader' | 'problem'
  readonly at: Date
  readonly text: string
  /** How long it took, if it was measured. */
  readonly latencyMs?: number | undefined
}

const KEPT = 100

/** What happened, newest first. Each change gives a new list. */
export class ActivityLog {
  #entries: readonly Activity[] = []
  #nextId = 1

  get entries(): readonly Activity[] {
    return this.#entries
  }

  add(kind: Activity['kind'], text: string, latencyMs?: number | undefined): void {
    const entry = { id: this.#nextId++, kind, at: new Date(), text, latencyMs }
    this.#entries = [entry, ...this.#entries].slice(0, KEPT)
  }

  /** The same, but many in a row are one. */
  addOnce(kind: Activity['kind'], text: string, latencyMs?: number | undefined): void {
    const [newest] = this.#entries
    if (newest?.kind === kind && newest.text === text) this.#entries = this.#entries.slice(1)
    this.add(kind, text, latencyMs)
  }
}
