import { toBase64Url } from './base/bytes.js'
import type { Unsubscribe } from './base/emitter.js'
import { invariant } from './base/errors.js'
import type { Runtime } from './base/runtime.js'
import { systemCompression } from './base/system-compression.js'
import { systemRuntime } from './base/system-runtime.js'
import type { Lifecycle, LifecycleEvents, Platform, PlatformStorage } from './platform.js'

const HOST_KEY = 'legion-mesh.host'
const HOST_BYTES = 9
/** Of the names of all databases. */
const DATABASE_PREFIX = 'legion-mesh'

/** The platform of a page: its clock, its WebRTC, its WebSocket, its life. An adapter: no logic here. */
export function browserPlatform(): Platform {
  const runtime = systemRuntime()
  let loaded: typeof import('./browser-network.js') | undefined
  const network = () => {
    invariant(loaded !== undefined, () => 'the mesh was not loaded')
    return loaded
  }
  return {
    kind: 'browser',
    runtime,
    host: browserHost(runtime),
    lifecycle: pageLifecycle(),
    storage: profileStorage(runtime),
    compression: systemCompression(),
    loadConsensus: async () => (await import('./consensus-code.js')).consensusCode,
    async loadMesh() {
      loaded = await import('./browser-network.js')
      return loaded.Mesh
    },
    createConnector: () => network().webrtcConnector({ runtime, stack: network().browserStack(navigator.userAgent) }),
    createRendezvous: (options) => network().createRendezvous({ ...options, openSocket: network().browserSocket }),
  }
}

function profileStorage(runtime: Runtime): PlatformStorage {
  return {
    kind: 'indexeddb',
    isDefault: false,
    async open(cluster, choice) {
      const { indexedDbStorage, openSharedStore } = await import('./browser-storage.js')
      return openSharedStore(indexedDbStorage(DATABASE_PREFIX), cluster, runtime, choice)
    },
  }
}

/** The same for all tabs of the browser profile. Only a hint: where storage is refused each tab is its own host. */
function browserHost(runtime: Runtime): string {
  const drawn = toBase64Url(runtime.randomBytes(HOST_BYTES))
  try {
    const stored = localStorage.getItem(HOST_KEY)
    if (stored === null) localStorage.setItem(HOST_KEY, drawn)
    return stored ?? drawn
  } catch {
    return drawn
  }
}

function pageLifecycle(): Lifecycle {
  return {
    get visible() {
      return isVisible()
    },
    on: (event, listener) => subscribe[event](listener),
  }
}

const subscribe: { [K in keyof LifecycleEvents]: (listener: LifecycleEvents[K]) => Unsubscribe } = {
  hide: (listener) => listen(window, 'pagehide', () => listener()),
  restore: (listener) => listen(window, 'pageshow', (event) => wasCached(event) && listener()),
  wake: (listener) => listenToWaking(() => listener()),
  visibility: (listener) => listen(document, 'visibilitychange', () => listener(isVisible())),
}

/** The network is back or another one; the page was frozen or hidden, when timers and sometimes sockets rest. */
function listenToWaking(listener: () => void): Unsubscribe {
  const { connection } = navigator as { connection?: EventTarget & { readonly type?: string } }
  let type = connection?.type
  const connectionChanged = () => {
    if (connection?.type === type) return // It also tells every new guess of the bandwidth.
    type = connection?.type
    listener()
  }
  const subscriptions = [
    listen(window, 'online', listener),
    listen(document, 'resume', listener),
    listen(document, 'visibilitychange', () => isVisible() && listener()),
    connection === undefined ? () => {} : listen(connection, 'change', connectionChanged),
  ]
  return () => {
    for (const unsubscribe of subscriptions) unsubscribe()
  }
}

function listen(target: EventTarget, type: string, listener: (event: Event) => void): Unsubscribe {
  target.addEventListener(type, listener)
  return () => target.removeEventListener(type, listener)
}

function wasCached(event: Event): boolean {
  return event instanceof PageTransitionEvent && event.persisted
}

function isVisible(): boolean {
  return document.visibilityState === 'visible'
}
