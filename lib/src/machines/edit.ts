/**
 * Lets `recipe` change a draft of `state`, which is plain and deeply frozen, and returns the next state, which is so
 * too. Leaves `state` as it is. @throws what `recipe` throws; E_NOT_PLAIN
 */
export type Edit<State, Draft> = (state: State, recipe: (draft: Draft) => void) => State

export type Parts<State> = { -readonly [Part in keyof State]: State[Part] }

/** The draft's parts are immutable values, to be replaced by others that are plain and deeply frozen. */
export function editParts<State extends object>(state: State, recipe: (draft: Parts<State>) => void): State {
  const draft: Parts<State> = { ...state }
  recipe(draft)
  const parts = Object.keys(state) as (keyof State)[]
  return parts.every((part) => draft[part] === state[part]) ? state : Object.freeze(draft)
}
