import type { Person } from '../people.js'
import type { SessionState } from '../session.js'
import { Avatar } from './avatar.js'
import { Panel } from './panel.js'

interface PeoplePanelProps {
  readonly people: readonly Person[]
  readonly signaling: SessionState['signaling']
}

const SIGNALING: Readonly<Record<SessionState['signaling'], string>> = {
  connecting: 'signaling: connecting',
  joined: 'signaling: joined',
  offline: 'signaling: offline',
  left: 'signaling: left',
}

export function PeoplePanel({ people, signaling }: PeoplePanelProps) {
  const aside = (
    <span className="aside" data-testid="signaling" data-state={signaling}>
      {SIGNALING[signaling]}
    </span>
  )
  return (
    <Panel title="Peers" className="people" aside={aside}>
      <ul className="people-list" aria-label="Peers">
        {people.map((person) => (
          <PersonLine key={person.peer} person={person} />
        ))}
      </ul>
    </Panel>
  )
}

function PersonLine({ person }: { readonly person: Person }) {
  const { peer, name, role = 'joining', isLeader, isSelf, isLinked } = person
  return (
    <li
      className="person"
      data-testid="peer"
      data-peer={peer}
      data-name={name}
      data-role={role}
      data-leader={isLeader}
      data-self={isSelf}
      data-linked={isLinked}
    >
      <Avatar name={name} />
      <span className="person-text">
        <span className="person-name">
          {name}
          {isSelf && <span className="tag">you</span>}
        </span>
        <span className="person-detail">{detailOf(person)}</span>
      </span>
      <span className={isLeader ? 'badge leads' : 'badge'}>{isLeader ? 'leader' : role}</span>
    </li>
  )
}

function detailOf({ kind, stack, isSelf, isLinked, rttMs }: Person): string {
  const place = `${kind === 'node' ? 'Node' : 'tab'}${stack === undefined || stack === '' ? '' : ` · ${stack}`}`
  if (isSelf) return place
  if (!isLinked) return `${place} · no link`
  return rttMs === undefined ? place : `${place} · ${roundedMs(rttMs)}`
}

/** Round trips vary too much for fractions, unless they are tiny. */
function roundedMs(ms: number): string {
  return ms < 1 ? 'under 1 ms' : `${Math.round(ms)} ms`
}
