import type { ClusterId } from '../base/ids.js'
import type { PortName } from './port.js'

/** Documents of clusters that share a name merge, and their rosters must meet to decide which one dissolves. */
const ACROSS_CLUSTERS: readonly PortName[] = ['roster', 'documents']
/** Where nothing of another cluster, or of none, may ever arrive. */
const WITHIN_ONE_CLUSTER: readonly PortName[] = ['consensus', 'snapshots']

/** Whether messages of a port may pass a link, either way, given the clusters that its two ends belong to. */
export function mayCarry(port: PortName, mine: ClusterId | undefined, theirs: ClusterId | undefined): boolean {
  if (mine === undefined || theirs === undefined) return !WITHIN_ONE_CLUSTER.includes(port)
  return mine === theirs || ACROSS_CLUSTERS.includes(port)
}
