import type { Problem } from '../problem.js'
import type { Phase, SessionState } from '../session.js'
import { addressWith } from '../settings.js'

interface BannerProps {
  readonly failure: Problem | undefined
  readonly outdated?: Problem | undefined
  readonly isKept: boolean
  readonly phase?: Phase
  readonly signaling?: SessionState['signaling']
  readonly problem?: string | undefined
}

/** One sentence about what does not work now and what still does; nothing while all is well. */
export function Banner({ failure, outdated, isKept, phase, signaling, problem }: BannerProps) {
  if (failure !== undefined) return <Failure failure={failure} isKept={isKept} />
  if (outdated !== undefined) return <Outdated />
  const sentence = advice(phase, signaling, problem)
  if (sentence === undefined) return null
  return (
    <p className="banner" role="status" data-testid="advice">
      {sentence}
    </p>
  )
}

function Failure({ failure, isKept }: { readonly failure: Problem; readonly isKept: boolean }) {
  const { code, sentence } = failure
  return (
    <p className="banner bad" role="alert" data-testid="failure" data-code={code}>
      <span>
        {code !== undefined && <code>{code}</code>} {sentence}
      </span>
      {isKept && STORAGE_CODES.has(code) ? (
        <a className="action" href={addressWith(false, location.href)}>
          Go on without keeping
        </a>
      ) : (
        <Reload />
      )}
    </p>
  )
}

const STORAGE_CODES: ReadonlySet<Problem['code']> = new Set(['E_STORAGE', 'E_STORAGE_LOCKED', 'E_UNSUPPORTED'])

function Outdated() {
  return (
    <p className="banner" role="alert" data-testid="outdated">
      <span>The others run a newer version of this page. Reload to book seats again; the notes go on.</span>
      <Reload />
    </p>
  )
}

function Reload() {
  return (
    <button className="action" type="button" onClick={() => location.reload()}>
      Reload
    </button>
  )
}

function advice(phase: BannerProps['phase'], signaling: BannerProps['signaling'], problem: string | undefined) {
  if (phase === 'no-quorum') {
    return 'No majority of voters can be reached. Seats can’t be booked until one is back; the notes go on.'
  }
  if (signaling === 'offline') {
    const others =
      phase === 'connecting' ? 'Trying again by itself.' : 'Who is linked stays linked; newcomers have to wait.'
    return `Signaling is offline${problem === undefined ? '' : ` (${problem})`}. ${others}`
  }
  return undefined
}
