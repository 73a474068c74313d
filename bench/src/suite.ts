import type { Benchmark } from './benchmark.js'
import { broadcall } from './benchmarks/broadcall.js'
import { bundle } from './benchmarks/bundle.js'
import { call } from './benchmarks/call.js'
import { channel } from './benchmarks/channel.js'
import { consistentLatency } from './benchmarks/consistent-latency.js'
import { consistentThroughput } from './benchmarks/consistent-throughput.js'
import { docFirstSync, docMap, docText } from './benchmarks/doc-tabs.js'
import { docTrace } from './benchmarks/doc-trace.js'
import { docUpdates } from './benchmarks/doc-updates.js'
import { failover } from './benchmarks/failover.js'
import { groups } from './benchmarks/groups.js'
import { join } from './benchmarks/join.js'
import { linkLoad } from './benchmarks/link-load.js'
import { memory } from './benchmarks/memory.js'
import { meshScale } from './benchmarks/mesh-scale.js'
import { raftCore } from './benchmarks/raft-core.js'
import { readLatency } from './benchmarks/read-latency.js'
import { signalingLoad } from './benchmarks/signaling-load.js'
import { snapshotJoin } from './benchmarks/snapshot-join.js'

export const SUITE: readonly Benchmark[] = [
  channel,
  call,
  broadcall,
  consistentLatency,
  consistentThroughput,
  readLatency,
  docUpdates,
  docMap,
  docText,
  docFirstSync,
  docTrace,
  join,
  failover,
  snapshotJoin,
  linkLoad,
  signalingLoad,
  groups,
  meshScale,
  memory,
  bundle,
  raftCore,
]
