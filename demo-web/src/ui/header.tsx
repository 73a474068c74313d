import type { Phase } from '../session.js'
import { Avatar } from './avatar.js'

const PHASES: Readonly<Record<Phase, string>> = {
  connecting: 'Connecting',
  joining: 'Joining',
  ready: 'In agreement',
  'no-quorum': 'No quorum',
  failed: 'Stopped',
}

interface HeaderProps {
  readonly cluster: string
  readonly name: string
  readonly phase: Phase
}

export function Header({ cluster, name, phase }: HeaderProps) {
  return (
    <header className="header">
      <h1 className="title">
        Theatre <span className="cluster">cluster {cluster}</span>
      </h1>
      <p className="pill" data-testid="phase" data-state={phase}>
        <span className="dot" aria-hidden="true" />
        {PHASES[phase]}
      </p>
      <p className="me" data-testid="me" title="This is you, in this tab">
        <Avatar name={name} />
        <span className="me-name">{name}</span>
      </p>
    </header>
  )
}
