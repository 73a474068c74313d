import type { Session } from '../session.js'
import type { Settings } from '../settings.js'
import { useSession, useSessionState } from '../use-session.js'
import { ActivityPanel } from './activity-panel.js'
import { Banner } from './banner.js'
import { Header } from './header.js'
import { House } from './house.js'
import { KeepSwitch } from './keep-switch.js'
import { Notes } from './notes.js'
import { PeoplePanel } from './people-panel.js'

interface AppProps {
  readonly settings: Settings
  readonly name: string
}

export function App({ settings, name }: AppProps) {
  const opened = useSession(settings, name)
  if (opened === undefined) return null
  if ('session' in opened)
    return <Theatre key={opened.session.state.self.id} session={opened.session} settings={settings} />
  return (
    <Header cluster={settings.cluster} name={name} phase="failed">
      <Banner failure={opened.problem} isKept={settings.isKept} />
    </Header>
  )
}

function Theatre({ session, settings }: { readonly session: Session; readonly settings: Settings }) {
  const state = useSessionState(session)
  return (
    <>
      <Header cluster={settings.cluster} name={state.self.name} phase={state.phase}>
        <Banner
          failure={state.failure}
          outdated={state.outdated}
          isKept={settings.isKept}
          phase={state.phase}
          signaling={state.signaling}
          problem={state.signalingProblem}
        />
      </Header>
      <main className="stage">
        <House
          phase={state.phase}
          holders={state.holders}
          pending={state.pending}
          notice={state.notice}
          onChoose={(seat) => session.choose(seat)}
        >
          {state.phase !== 'failed' && <KeepSwitch isKept={settings.isKept} />}
        </House>
        <Notes document={session.document} status={state.notesStatus} />
        <PeoplePanel people={state.people} signaling={state.signaling} />
        <ActivityPanel activity={state.activity} />
      </main>
    </>
  )
}
