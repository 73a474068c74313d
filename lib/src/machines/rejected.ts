import { assertPlain, copyValue, type Value } from '../codec/value.js'

const MARK = Symbol.for('legion-mesh.rejected')

/**
 * To be thrown by a command that refuses: nothing changes, and the proposer gets E_REJECTED with this reason and these
 * details. Replicated, so neither may differ between replicas.
 */
export class Rejected extends Error {
  override readonly name = 'Rejected'
  readonly details: Value

  /**
   * @param reason a word or a sentence for the proposer
   * @param details copied
   * @throws LegionError E_NOT_PLAIN
   */
  constructor(reason: string, details?: unknown) {
    super(reason)
    assertPlain(reason, 'reason')
    this.details = copyValue(details, 'details')
    Object.defineProperty(this, MARK, { value: true })
  }

  get reason(): string {
    return this.message
  }

  /** True for those of any copy of this package. */
  static is(value: unknown): value is Rejected {
    return typeof value === 'object' && value !== null && MARK in value
  }
}
