import type { Holder } from '../holders.js'
import { colourOf, initialsOf } from '../identity.js'

interface SeatProps {
  readonly name: string
  readonly holder: Holder | undefined
  readonly isKnown: boolean
  readonly isPending: boolean
  readonly isCurrent: boolean
  readonly onFocus: (seat: string) => void
  readonly onChoose: (seat: string) => void
}

export function Seat({ name, holder, isKnown, isPending, isCurrent, onFocus, onChoose }: SeatProps) {
  return (
    <button
      type="button"
      className="seat"
      data-seat={name}
      data-state={isKnown ? stateOf(holder) : 'unknown'}
      style={holder && { backgroundColor: colourOf(holder.name) }}
      aria-label={`Seat ${name}, ${isKnown ? situationOf(holder) : 'not known yet'}`}
      aria-busy={isPending}
      title={holder && hintOf(holder)}
      disabled={!isKnown}
      tabIndex={isCurrent ? 0 : -1}
      onFocus={() => onFocus(name)}
      onClick={() => onChoose(name)}
    >
      {holder === undefined ? name.slice(1) : initialsOf(holder.name)}
    </button>
  )
}

function stateOf(holder: Holder | undefined): 'free' | 'mine' | 'taken' | 'left' {
  if (holder === undefined) return 'free'
  if (holder.isSelf) return 'mine'
  return holder.isGone ? 'left' : 'taken'
}

function situationOf(holder: Holder | undefined): string {
  if (holder === undefined) return 'free'
  if (holder.isSelf) return 'taken by you'
  return holder.isGone ? `taken by ${holder.name}, who left` : `taken by ${holder.name}`
}

function hintOf(holder: Holder): string {
  const situation = situationOf(holder)
  if (holder.isSelf) return `${situation}: click to give it back`
  return holder.isGone ? `${situation}: click to free it` : situation
}
