import { colourOf, initialsOf } from '../identity.js'

/** A name as a small coloured disc; people read the name beside it. */
export function Avatar({ name }: { readonly name: string }) {
  return (
    <span className="avatar" style={{ background: colourOf(name) }} aria-hidden="true">
      {initialsOf(name)}
    </span>
  )
}
