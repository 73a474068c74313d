import type { Problem } from '../problem.js'
import type { Phase, SessionState } from '../session.js'

interface BannerProps {
  readonly failure: Problem | undefined
  readonly phase?: Phase
  readonly signaling?: SessionState['signaling']
  readonly problem?: string | undefined
}

/** One sentence about what does not work now and what still does; nothing while all is well. */
export function Banner({ failure, phase, signaling, problem }: BannerProps) {
  if (failure !== undefined) {
    return (
      <p className="banner bad" role="alert" data-testid="failure" data-code={failure.code}>
        {failure.code !== undefined && <code>{failure.code}</code>} {failure.sentence}
      </p>
    )
  }
  const sentence = advice(phase, signaling, problem)
  if (sentence === undefined) return null
  return (
    <p className="banner" role="status" data-testid="advice">
      {sentence}
    </p>
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
