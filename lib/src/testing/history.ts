/** What came of an operation is not known. */
export const UNKNOWN = Symbol('unknown')
export type Unknown = typeof UNKNOWN

/** One call as its caller saw it. */
export interface Operation<Input, Output> {
  /** Who called; for explanations only: the operations of one process may overlap. */
  readonly process: string | number
  readonly input: Input
  readonly output: Output | Unknown
  /** Any unit. An operation is before another only if it returned strictly earlier than the other was invoked. */
  readonly invokedAt: number
  /** Undefined if it never returned: then it took effect at some time after it was invoked, or never will. */
  readonly returnedAt: number | undefined
}

/** An operation that was invoked. Tell at most once what came of it; until then it may take effect at any time. */
export interface OpenOperation<Output> {
  /** @param output UNKNOWN if all that is known is that it took effect by now */
  returned(output: Output | Unknown): void
  /** It certainly had no effect and never will: forgets it. */
  dropped(): void
}

/** Writes a history down while it happens. Its time is the order of the calls to this object, so nothing ties. */
export class HistoryRecorder<Input, Output> {
  readonly #operations = new Set<Operation<Input, Output>>()
  #now = 0

  /** So far, ordered by invocation; a copy. */
  get operations(): Operation<Input, Output>[] {
    return [...this.#operations].sort((a, b) => a.invokedAt - b.invokedAt)
  }

  invoke(process: string | number, input: Input): OpenOperation<Output> {
    const open = { process, input, output: UNKNOWN, invokedAt: this.#now++, returnedAt: undefined } as const
    this.#operations.add(open)
    return {
      returned: (output) => {
        this.#operations.delete(open)
        this.#operations.add({ ...open, output, returnedAt: this.#now++ })
      },
      dropped: () => {
        this.#operations.delete(open)
      },
    }
  }
}
