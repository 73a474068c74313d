import 'fake-indexeddb/auto'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { systemRuntime } from '../../src/base/system-runtime.js'
import { levelStorage } from '../../src/node/level-storage.js'
import { indexedDbStorage } from '../../src/storage/indexeddb-storage.js'
import { memoryStorage } from '../../src/storage/memory-storage.js'
import { SimulatedDisk } from '../../src/testing/simulated-disk.js'
import { describeStorageContract } from '../../src/testing/storage-contract.js'
import { fakeLocks, temporaryDirectory } from './adapters.js'

const runner = { describe, it }
let databaseCount = 0

describeStorageContract('memory', async () => memoryStorage(), runner)

describeStorageContract(
  'a simulated disk',
  async () => new SimulatedDisk(systemRuntime(), { latencyMs: [0, 1], flushMs: 5 }).storage(),
  runner,
)

describeStorageContract('IndexedDB', async () => indexedDbStorage(`test ${databaseCount++}`, fakeLocks()), runner)

describeStorageContract('LevelDB', async () => levelStorage(join(await temporaryDirectory(), 'not', 'there')), runner)
