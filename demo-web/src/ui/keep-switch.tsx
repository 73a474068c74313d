import { addressWith } from '../settings.js'

const SCOPE = 'Kept seats are here again when all tabs were closed. Notes are not kept.'

/** Whether what was booked outlives the tab. Another answer is another peer, so it loads the page anew. */
export function KeepSwitch({ isKept }: { readonly isKept: boolean }) {
  return (
    <label className="keep" data-testid="keep" data-kept={isKept} title={SCOPE}>
      <input type="checkbox" checked={isKept} onChange={() => location.assign(addressWith(!isKept, location.href))} />
      {isKept ? 'kept in this browser' : 'keep in this browser'}
    </label>
  )
}
