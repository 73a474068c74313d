import { Legion } from 'legion-mesh'

/** The page's Legion, in the cluster and with the name that its address says. */
export function openLegion(): Legion {
  const settings = new URLSearchParams(location.search)
  const cluster = settings.get('cluster') ?? 'editors'
  const signaling = settings.get('signaling') ?? 'ws://localhost:4455'
  return Legion.open({ cluster, signaling })
}
