import { useCallback, useEffect, useState, useSyncExternalStore } from 'react'
import { type Problem, problemOf } from './problem.js'
import { Session, type SessionState } from './session.js'
import type { Settings } from './settings.js'

export type Opened = { readonly session: Session } | { readonly problem: Problem }

/** What a session kept is free for the next one only then. */
let lastClosed: Promise<void> = Promise.resolve()

/** Opens a session while the component is there, and another when the page comes back from the back/forward cache. */
export function useSession(settings: Settings, name: string): Opened | undefined {
  const [opened, setOpened] = useState<Opened>()
  const restorations = useRestorations()
  // biome-ignore lint/correctness/useExhaustiveDependencies: a restored page needs a new session
  useEffect(() => {
    let next: Opened | undefined
    let isOver = false
    const start = () => {
      if (isOver) return
      next = open(settings, name)
      setOpened(next)
    }
    void lastClosed.then(start)
    return () => {
      isOver = true
      if (next !== undefined && 'session' in next) lastClosed = next.session.close()
    }
  }, [settings, name, restorations])
  return opened
}

export function useSessionState(session: Session): SessionState {
  const subscribe = useCallback((listener: () => void) => session.subscribe(listener), [session])
  return useSyncExternalStore(subscribe, () => session.state)
}

function open(settings: Settings, name: string): Opened {
  try {
    return { session: new Session(settings, name) }
  } catch (error) {
    return { problem: problemOf(error) }
  }
}

/** How often the page came back from the cache: links and sockets don't survive there. */
function useRestorations(): number {
  const [count, setCount] = useState(0)
  useEffect(() => {
    const onPageShow = (event: PageTransitionEvent) => event.persisted && setCount((previous) => previous + 1)
    window.addEventListener('pageshow', onPageShow)
    return () => window.removeEventListener('pageshow', onPageShow)
  }, [])
  return count
}
