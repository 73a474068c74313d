import { useCallback, useEffect, useState, useSyncExternalStore } from 'react'
import { type Problem, problemOf } from './problem.js'
import { Session, type SessionState } from './session.js'
import type { Settings } from './settings.js'

export type Opened = { readonly session: Session } | { readonly problem: Problem }

/** What a session kept is free for the next one only then. */
let lastClosed: Promise<void> = Promise.resolve()

/** Opens a session while the component is there. */
export function useSession(settings: Settings, name: string): Opened | undefined {
  const [opened, setOpened] = useState<Opened>()
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
  }, [settings, name])
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
