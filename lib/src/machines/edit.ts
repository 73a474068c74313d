/** A machine's states, one after the other. All are plain and deeply frozen. */
export interface States {
  /** A new object exactly when it has changed. */
  readonly state: object
  /**
   * Lets `recipe` change a draft of the state. If that throws nothing has changed.
   * @param input handed on to the recipe, which need not be a new function for each then
   * @throws what `recipe` throws; E_NOT_PLAIN
   */
  change<T>(recipe: (draft: object, input: T) => void, input: T): void
}

/** What a machine starts from. */
export type StatesFrom = (state: object) => States

/**
 * Lets `recipe` change a draft of `state`, which is plain and deeply frozen, and returns the next state, which is so
 * too. Leaves `state` as it is. @throws what `recipe` throws; E_NOT_PLAIN
 */
export type Edit<State, Draft> = (state: State, recipe: (draft: Draft) => void) => State

/** Makes a state of its own of every change. */
export class EditedStates implements States {
  readonly #edit: Edit<object, object>
  #state: object

  constructor(edit: Edit<object, object>, state: object) {
    this.#edit = edit
    this.#state = state
  }

  get state(): object {
    return this.#state
  }

  change<T>(recipe: (draft: object, input: T) => void, input: T): void {
    this.#state = this.#edit(this.#state, (draft) => recipe(draft, input))
  }
}

/** How a draft is made, and a state of it. */
export interface Drafting<State, Draft> {
  draft(state: State): Draft
  /** @returns `before`, of which the draft was made, if nothing has changed */
  finish(draft: Draft, before: State): State
}

/**
 * Keeps one draft for all changes until somebody wants to see the state: what many commands change is copied once.
 * Its recipes must not throw any more once they have changed the draft.
 */
export class DraftedStates implements States {
  readonly #drafting: Drafting<object, object>
  #state: object
  #draft: object | undefined

  constructor(drafting: Drafting<object, object>, state: object) {
    this.#drafting = drafting
    this.#state = state
  }

  get state(): object {
    if (this.#draft !== undefined) this.#state = this.#drafting.finish(this.#draft, this.#state)
    this.#draft = undefined
    return this.#state
  }

  change<T>(recipe: (draft: object, input: T) => void, input: T): void {
    this.#draft ??= this.#drafting.draft(this.#state)
    recipe(this.#draft, input)
  }
}
