import { pick, type RandomStream, randomInt, seededRandom } from '../../base/random.js'
import type { Setup } from './setup.js'

/** What can begin to go wrong. */
export const FAULTS = [
  'crash',
  'crash-leader',
  'crash-all',
  'isolate',
  'isolate-leader',
  /** It takes one other with it. */
  'isolate-leader-pair',
  'split',
  'one-way',
  'cut-link',
  'pause',
] as const
export type Fault = (typeof FAULTS)[number]

/** What clients and owners do. Chances are per round. */
export interface Load {
  readonly propose: number
  readonly read: number
  readonly change: number
  readonly transfer: number
  readonly compact: number
  readonly campaign: number
  /** A leader replaces those who are gone. */
  readonly mend: number
  /** Somebody ends, or several at once. */
  readonly goodbye: number
}

/** Everything that a seed decides before it starts. All chances lie in [0, 1]. */
export interface Weather {
  readonly setup: Setup
  /** A round is the time of one tick. */
  readonly rounds: number
  /** That a message gets lost. */
  readonly loss: number
  readonly duplication: number
  /** That a message takes longer than a round; then up to `maxDelay` rounds. */
  readonly delay: number
  readonly maxDelay: number
  readonly reordering: boolean
  /** That a write takes longer than a round. */
  readonly slowDisk: number
  /** That a replica's owner lets other things happen before it looks for a Ready. */
  readonly laziness: number
  /** How fast each replica's clock goes, by its place. */
  readonly rates: readonly number[]
  readonly faults: readonly Fault[]
  /** That a fault begins in a round. */
  readonly faultChance: number
  readonly load: Load
}

const NAMES = 'abcdefg'
const MORE_NAMES = 'abcdefghijklm'

/** Each seed first draws which faults exist at all: combinations that are rare otherwise become common. */
export function drawWeather(seed: number): Weather {
  const random = seededRandom(seed, 1)
  const setup = withHeldCommits(drawSetup(random, seed))
  const replicas = [setup.voters, setup.learners, setup.witnesses, setup.spares].join('').length
  const hasSkew = random() < 0.3
  return {
    setup,
    rounds: 150 + randomInt(random, 450),
    loss: maybe(random, 0.5, 0.25),
    duplication: maybe(random, 0.4, 0.2),
    delay: maybe(random, 0.6, 0.6),
    maxDelay: pick(random, [1, 2, 5, 40]),
    reordering: random() < 0.6,
    slowDisk: maybe(random, 0.4, 0.5),
    laziness: maybe(random, 0.4, 0.8),
    rates: Array.from({ length: replicas }, () => (hasSkew ? pick(random, [0.5, 0.8, 1, 1, 1.3, 2]) : 1)),
    faults: FAULTS.filter(() => random() < 0.35),
    faultChance: pick(random, [0.01, 0.03, 0.1]),
    load: drawLoad(random),
  }
}

function drawSetup(random: RandomStream, seed: number): Setup {
  const voters = pick(random, [3, 3, 3, 4, 5, 5, 6, 7])
  const learners = Math.min(NAMES.length - voters, pick(random, [0, 0, 1, 2]))
  const hasWitness = voters < 7 && random() < 0.25
  const lead = random()
  return {
    seed,
    voters: NAMES.slice(0, voters),
    learners: NAMES.slice(voters, voters + learners),
    witnesses: hasWitness ? 'w' : '',
    spares: NAMES.slice(voters + learners, voters + learners + 2) + (hasWitness ? 'x' : 'w'),
    durableMachine: random() < 0.3,
    core: {
      electionTicks: 10,
      heartbeatTicks: pick(random, [1, 2, 3]),
      preVote: lead < 0.7,
      checkQuorum: lead > 0.2,
      stepDownOnRemoval: random() < 0.8,
      quiesceTicks: random() < 0.2 ? 8 : 0,
      maxMessageBytes: pick(random, [1, 100, 100_000]),
      maxCommittedBytesPerReady: pick(random, [1, 200, 100_000]),
      maxUncommittedBytes: pick(random, [100, 100_000, 100_000]),
      maxInflightMessages: pick(random, [1, 3, 20]),
      maxInflightBytes: pick(random, [50, 100_000]),
    },
  }
}

/** Drawn apart, so that the rest of a seed's weather is what it was before there was this. */
function withHeldCommits(setup: Setup): Setup {
  const random = seededRandom(setup.seed, 4)
  const holdCommits = random() < 0.5
  return { ...setup, core: { ...setup.core, holdCommits, volatile: random() < 0.5 } }
}

function drawLoad(random: RandomStream): Load {
  return {
    propose: pick(random, [0.05, 0.3, 0.8]),
    read: pick(random, [0, 0.1, 0.4]),
    change: pick(random, [0, 0, 0.03, 0.15]),
    transfer: pick(random, [0, 0, 0.02, 0.1]),
    compact: pick(random, [0, 0.02, 0.2]),
    campaign: pick(random, [0, 0, 0.01]),
    mend: 0,
    goodbye: 0,
  }
}

/**
 * Weathers in which replicas end and others take their place, who know nothing. What else there is is that of the seed.
 */
export function drawComingAndGoing(seed: number): Weather {
  const weather = drawWeather(seed)
  const random = seededRandom(seed, 3)
  const voters = pick(random, [1, 2, 3, 3, 3, 4, 5, 5, 7, 9])
  const learners = pick(random, [0, 0, 1, 2])
  const hasWitness = voters > 2 && random() < 0.15
  const setup = {
    ...weather.setup,
    voters: MORE_NAMES.slice(0, voters),
    learners: MORE_NAMES.slice(voters, voters + learners),
    witnesses: hasWitness ? 'w' : '',
    spares: MORE_NAMES.slice(voters + learners),
    core: { ...weather.setup.core, copies: pick(random, [1, 1, 1, 2, 3]) },
  }
  const rates = Array.from({ length: MORE_NAMES.length + 1 }, (_, i) => weather.rates[i % weather.rates.length] ?? 1)
  const load = {
    ...weather.load,
    change: pick(random, [0, 0.03, 0.1]),
    mend: pick(random, [0, 0.05, 0.3]),
    goodbye: pick(random, [0.005, 0.01, 0.03]),
  }
  return { ...weather, setup, rates, load }
}

/** With probability `chance` a number in [0, max), else 0. */
function maybe(random: RandomStream, chance: number, max: number): number {
  const value = random() * max
  return random() < chance ? value : 0
}
