import type { PeerId } from '../base/ids.js'
import type { HandlerContext } from './types.js'

/** The context of one handler that runs. Its AbortController is made only for the handlers that look at it. */
export class InboundContext<Legion> implements HandlerContext<Legion> {
  readonly from: PeerId
  readonly legion: Legion
  #controller: AbortController | undefined
  #abortReason: Error | undefined

  constructor(from: PeerId, legion: Legion) {
    this.from = from
    this.legion = legion
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason)
    }
    return this.#controller.signal
  }

  /** Nobody waits for it any more. */
  get isAborted(): boolean {
    return this.#abortReason !== undefined
  }

  abort(reason: Error): void {
    this.#abortReason ??= reason
    this.#controller?.abort(this.#abortReason)
  }
}
