import { TRANSFER_REASONS, type TransferReason } from './snapshot-protocol.js'

/** How transfers of snapshots ended at one end, since the start. */
export class TransferCounts {
  readonly #failures = new Map<TransferReason, number>()
  #completed = 0

  get completed(): number {
    return this.#completed
  }

  get failures(): Readonly<Record<TransferReason, number>> {
    const counts = TRANSFER_REASONS.map((reason) => [reason, this.#failures.get(reason) ?? 0])
    return Object.fromEntries(counts) as Record<TransferReason, number>
  }

  ended(outcome: 'done' | TransferReason): void {
    if (outcome === 'done') this.#completed++
    else this.#failures.set(outcome, (this.#failures.get(outcome) ?? 0) + 1)
  }
}
