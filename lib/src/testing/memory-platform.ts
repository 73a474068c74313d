import { systemCompression } from '../base/system-compression.js'
import { systemRuntime } from '../base/system-runtime.js'
import { consensusCode } from '../consensus-code.js'
import { Mesh } from '../mesh/mesh.js'
import type { Platform } from '../platform.js'
import { openFreeStore } from '../storage/cluster-stores.js'
import type { Storage } from '../storage/storage.js'
import { MemoryHub } from '../transport/memory-channel.js'
import { MemorySignaling } from './memory-signaling.js'

export interface MemoryPlatformOptions {
  /**
   * Where the Legions keep their state: `memoryStorage()`, or any other. A Legion that is opened after another one was
   * closed goes on with what that one kept. Default: nothing is kept.
   */
  readonly storage?: Storage | undefined
}

/**
 * A world in one process, on real time, without network and WebRTC: all Legions of this platform object reach each
 * other, whatever their signaling URLs; those of another one do not. For tests of programs that use legion-mesh.
 */
export function memoryPlatform({ storage }: MemoryPlatformOptions = {}): Platform {
  const runtime = systemRuntime()
  const hub = new MemoryHub({ runtime })
  const signaling = new MemorySignaling(runtime)
  return {
    kind: 'node',
    runtime,
    host: 'memory',
    lifecycle: { visible: true, on: () => () => {} },
    storage: storage && {
      kind: 'simulated',
      isDefault: true,
      async open(cluster, choice) {
        return { store: await openFreeStore(storage, cluster, runtime, choice), siblings: undefined }
      },
    },
    compression: systemCompression(),
    loadConsensus: () => consensusCode,
    loadMesh: () => Mesh,
    createConnector: () => hub.connector(),
    createRendezvous: ({ cluster, secret }) => signaling.rendezvous(JSON.stringify([cluster, secret ?? null])),
  }
}
