import type * as Y from 'yjs'
import type { Legion } from '../legion.js'
import type { AnyMachine, Frozen, StateOf } from '../machines/types.js'
import type { PeerInfo } from '../mesh/peer-info.js'
import type { Live } from './live.js'

/** Undefined until it is here. The object is another one exactly when it changed. */
export function liveState<M extends AnyMachine, H>(legion: Legion<M, H>): Live<Frozen<StateOf<M>> | undefined> {
  return {
    subscribe: (changed) =>
      legion.subscribe(
        (state) => state,
        () => changed(),
      ),
    read() {
      try {
        return legion.state
      } catch {
        return undefined // E_NOT_READY
      }
    },
  }
}

/** A number that is another one after every change. */
export function liveYjs(y: Y.Doc): Live<number> {
  let changes = 0
  return {
    subscribe: (changed) => {
      changes++ // it may have changed since it was read first
      const note = () => {
        changes++
        changed()
      }
      y.on('update', note)
      return () => y.off('update', note)
    },
    read: () => changes,
  }
}

export function livePeers<M extends AnyMachine, H>(legion: Legion<M, H>): Live<readonly PeerInfo[]> {
  return {
    subscribe: (changed) => {
      const subscriptions = [legion.on('peerJoined', changed), legion.on('peerLeft', changed)]
      return () => {
        for (const unsubscribe of subscriptions) unsubscribe()
      }
    },
    read: () => [...legion.peers.values()].map(({ info }) => info),
  }
}
