// What a Legion needs to agree with others, and no sooner: a page loads it after what it shows first.

import { Agreements } from './agreed/agreements.js'
import { Consensus } from './groups/consensus.js'
import { collectMetrics } from './metrics.js'

export const consensusCode = { Consensus, Agreements, collectMetrics } as const

export type ConsensusCode = typeof consensusCode
