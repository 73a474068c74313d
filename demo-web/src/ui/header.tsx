import type { ReactNode } from 'react'
import type { Phase } from '../session.js'
import { Avatar } from './avatar.js'

const PHASES: Readonly<Record<Phase, string>> = {
  connecting: 'Connecting',
  joining: 'Joining',
  ready: 'In agreement',
  'no-quorum': 'No quorum',
  outdated: 'Outdated',
  failed: 'Stopped',
}

interface HeaderProps {
  readonly cluster: string
  readonly name: string
  readonly phase: Phase
  /** What has to be said about the state. */
  readonly children: ReactNode
}

export function Header({ cluster, name, phase, children }: HeaderProps) {
  return (
    <header className="header">
      <h1 className="title">
        Theatre <span className="cluster">cluster {cluster}</span>
      </h1>
      {children}
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
