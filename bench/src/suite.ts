import type { Benchmark } from './benchmark.js'
import { call } from './benchmarks/call.js'
import { channel } from './benchmarks/channel.js'
import { consistentLatency } from './benchmarks/consistent-latency.js'
import { consistentThroughput } from './benchmarks/consistent-throughput.js'
import { docUpdates } from './benchmarks/doc-updates.js'
import { failover } from './benchmarks/failover.js'
import { groups } from './benchmarks/groups.js'
import { join } from './benchmarks/join.js'
import { linkLoad } from './benchmarks/link-load.js'
import { raftCore } from './benchmarks/raft-core.js'
import { readLatency } from './benchmarks/read-latency.js'
import { snapshotJoin } from './benchmarks/snapshot-join.js'

export const SUITE: readonly Benchmark[] = [
  channel,
  call,
  consistentLatency,
  consistentThroughput,
  readLatency,
  docUpdates,
  join,
  failover,
  snapshotJoin,
  linkLoad,
  groups,
  raftCore,
]
