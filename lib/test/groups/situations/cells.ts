import type { Count, SituationName } from './situations.js'
import type { Kind } from './world.js'

/** What the users of some peers can count on. */
export interface Claim {
  /** The longest that a command takes, milliseconds; undefined: it fails with E_NO_QUORUM. */
  readonly commandsMs: number | undefined
  /** The same for reads. */
  readonly readsMs: number | undefined
  /** The longest until a change of a document is at all of them. */
  readonly documentsMs: number
  /** False: some are new and have no state yet. */
  readonly peeks: boolean
}

/** By the name of the side, as `World.seen` has it. */
export type Claims = Readonly<Record<string, Claim>>

/**
 * What happens in each situation that makes sense. The bounds are about twice what the worst of several seeds took, as
 * far as the default timeout of 10 s lets them. `SITUATION_SEEDS=5` in the environment of the tests asks more seeds.
 */
export const cells: Readonly<Record<SituationName, Readonly<Record<Kind, Readonly<Partial<Record<Count, Claims>>>>>>> =
  {
    'leader-closes': {
      tabs: {
        2: { others: within(200, 200, 100) },
        3: { others: within(200, 200, 100) },
        5: { others: within(500, 500, 100) },
      },
      node: {
        2: { others: within(200, 200, 100) },
        3: { others: within(500, 500, 100) },
        5: { others: within(500, 500, 100) },
      },
      durable: {
        2: { others: stuck(100) },
        3: { others: within(500, 500, 100) },
        5: { others: within(500, 500, 100) },
      },
    },
    'leader-leaves': {
      tabs: {
        2: { others: within(200, 200, 100) },
        3: { others: within(200, 200, 100) },
        5: { others: within(500, 500, 100) },
      },
      node: {
        2: { others: within(200, 200, 100) },
        3: { others: within(200, 200, 100) },
        5: { others: within(500, 500, 100) },
      },
      durable: {
        2: { others: within(200, 200, 100) },
        3: { others: within(200, 200, 100) },
        5: { others: within(500, 500, 100) },
      },
    },
    'follower-closes': {
      tabs: {
        2: { others: within(200, 200, 100) },
        3: { others: within(200, 200, 100) },
        5: { others: within(200, 200, 100) },
      },
      node: {
        2: { others: within(200, 200, 100) },
        3: { others: within(200, 200, 100) },
        5: { others: within(200, 200, 100) },
      },
      durable: {
        2: { others: within(200, 200, 100) },
        3: { others: within(200, 200, 100) },
        5: { others: within(200, 200, 100) },
      },
    },
    'two-close': {
      tabs: {
        3: { others: within(1000, 1000, 100) },
        5: { others: within(1000, 1000, 100) },
      },
      node: {
        3: { others: within(1000, 1000, 100) },
        5: { others: within(500, 500, 100) },
      },
      durable: {
        3: { others: stuck(100) },
        5: { others: within(4000, 500, 100) },
      },
    },
    'leader-reloads': {
      tabs: {
        1: { it: within(200, 200, 100) },
        2: { others: within(200, 200, 100), it: within(1500, 1500, 100) },
        3: { others: within(200, 200, 100), it: within(1500, 1500, 100) },
        5: { others: within(200, 200, 100), it: within(1500, 1500, 100) },
      },
      node: {
        1: { it: within(200, 200, 100) },
        2: { others: within(200, 200, 100), it: within(1500, 1500, 100) },
        3: { others: within(200, 200, 100), it: within(1500, 1500, 100) },
        5: { others: within(200, 200, 100), it: within(1500, 1500, 100) },
      },
      durable: {
        1: { it: within(200, 200, 100) },
        2: { others: within(9000, 9000, 100), it: within(2500, 2500, 100) },
        3: { others: within(200, 200, 100), it: within(2000, 2000, 100) },
        5: { others: within(200, 200, 100), it: within(1500, 1500, 100) },
      },
    },
    'leader-crashes': {
      tabs: {
        2: { others: stuck(100), back: stuck(1000, { peeks: false }) },
        3: { others: within(9000, 9000, 100), back: within(1500, 1500, 1000) },
        5: { others: within(9000, 9000, 100), back: within(1500, 1500, 1000) },
      },
      node: {
        2: { others: stuck(100), back: stuck(1000, { peeks: false }) },
        3: { others: within(9000, 9000, 100), back: within(1500, 1500, 1000) },
        5: { others: within(9000, 9000, 100), back: within(1500, 1500, 1000) },
      },
      durable: {
        2: { others: stuck(100), back: within(2500, 2500, 1000) },
        3: { others: within(9000, 9000, 100), back: within(2000, 2000, 1000) },
        5: { others: within(9000, 9000, 100), back: within(1500, 1500, 1000) },
      },
    },
    'follower-crashes': {
      tabs: {
        2: { others: within(9000, 200, 100), back: within(1000, 1000, 1000) },
        3: { others: within(200, 200, 100), back: within(1500, 1500, 1000) },
        5: { others: within(200, 200, 100), back: within(1500, 1500, 1000) },
      },
      node: {
        2: { others: within(9000, 200, 100), back: within(1000, 1000, 1000) },
        3: { others: within(200, 200, 100), back: within(1500, 1500, 1000) },
        5: { others: within(200, 200, 100), back: within(1500, 1500, 1000) },
      },
      durable: {
        2: { others: within(9000, 200, 100), back: within(1500, 1500, 1000) },
        3: { others: within(200, 200, 100), back: within(2000, 2000, 1000) },
        5: { others: within(200, 200, 100), back: within(1500, 1500, 1000) },
      },
    },
    'majority-crashes': {
      tabs: {
        3: { others: stuck(100), back: stuck(1000, { peeks: false }) },
        5: { others: stuck(100), back: stuck(1000, { peeks: false }) },
      },
      node: {
        3: { others: stuck(100), back: stuck(1000, { peeks: false }) },
        5: { others: stuck(100), back: stuck(1000, { peeks: false }) },
      },
      durable: {
        3: { others: stuck(100), back: within(4000, 4000, 1000) },
        5: { others: stuck(100), back: within(7000, 7000, 1000) },
      },
    },
    'leader-sleeps': {
      tabs: {
        1: { awake: within(200, 200, 100) },
        2: { others: stuck(100), awake: within(1000, 1000, 1000) },
        3: { others: within(9000, 9000, 100), awake: within(1000, 1000, 1000) },
        5: { others: within(9000, 9000, 100), awake: within(500, 500, 100) },
      },
      node: {
        1: { awake: within(200, 200, 100) },
        2: { others: stuck(100), awake: within(1000, 1000, 1000) },
        3: { others: within(9000, 9000, 100), awake: within(1000, 1000, 1000) },
        5: { others: within(9000, 9000, 100), awake: within(500, 500, 100) },
      },
      durable: {
        1: { awake: within(200, 200, 100) },
        2: { others: stuck(100), awake: within(1500, 1500, 500) },
        3: { others: within(9000, 9000, 100), awake: within(1500, 1500, 500) },
        5: { others: within(9000, 9000, 100), awake: within(1500, 1500, 500) },
      },
    },
    'follower-sleeps': {
      tabs: {
        2: { others: within(9000, 200, 100), awake: within(1000, 1000, 500) },
        3: { others: within(200, 200, 100), awake: within(1000, 1000, 1000) },
        5: { others: within(200, 200, 100), awake: within(1000, 1000, 500) },
      },
      node: {
        2: { others: within(9000, 200, 100), awake: within(1000, 1000, 500) },
        3: { others: within(200, 200, 100), awake: within(1000, 1000, 1000) },
        5: { others: within(200, 200, 100), awake: within(1000, 1000, 500) },
      },
      durable: {
        2: { others: within(9000, 200, 100), awake: within(1000, 1000, 1000) },
        3: { others: within(200, 200, 100), awake: within(2000, 2000, 1000) },
        5: { others: within(200, 200, 100), awake: within(1500, 1500, 1000) },
      },
    },
    'leader-cut-off': {
      tabs: {
        2: { 'cut off': within(9000, 200, 100), others: stuck(100), healed: within(2000, 2000, 2000) },
        3: { 'cut off': stuck(100), others: within(9000, 9000, 100), healed: within(3000, 3000, 2000) },
        5: { 'cut off': stuck(100), others: within(9000, 9000, 100), healed: within(2000, 2000, 1500) },
      },
      node: {
        2: { 'cut off': within(9000, 200, 100), others: stuck(100), healed: within(2000, 2000, 2000) },
        3: { 'cut off': stuck(100), others: within(9000, 9000, 100), healed: within(3000, 3000, 2000) },
        5: { 'cut off': stuck(100), others: within(9000, 9000, 100), healed: within(2000, 2000, 1500) },
      },
      durable: {
        2: { 'cut off': within(9000, 200, 100), others: stuck(100), healed: within(3000, 3000, 2000) },
        3: { 'cut off': stuck(100), others: within(9000, 9000, 100), healed: within(2000, 2000, 2000) },
        5: { 'cut off': stuck(100), others: within(9000, 9000, 100), healed: within(3000, 3000, 1500) },
      },
    },
    'follower-cut-off': {
      tabs: {
        3: { 'cut off': stuck(100), others: within(200, 200, 100), healed: within(2000, 2000, 200) },
        5: { 'cut off': stuck(100), others: within(200, 200, 100), healed: within(3000, 3000, 200) },
      },
      node: {
        3: { 'cut off': stuck(100), others: within(200, 200, 100), healed: within(2000, 2000, 200) },
        5: { 'cut off': stuck(100), others: within(200, 200, 100), healed: within(3000, 3000, 200) },
      },
      durable: {
        3: { 'cut off': stuck(100), others: within(200, 200, 100), healed: within(3000, 3000, 1000) },
        5: { 'cut off': stuck(100), others: within(200, 200, 100), healed: within(3000, 3000, 200) },
      },
    },
    halves: {
      tabs: {
        5: { 'cut off': stuck(100), others: within(9000, 9000, 100), healed: within(2000, 2000, 200) },
      },
      node: {
        5: { 'cut off': stuck(100), others: within(9000, 9000, 100), healed: within(2000, 2000, 200) },
      },
      durable: {
        5: { 'cut off': stuck(100), others: within(9000, 9000, 100), healed: within(3000, 3000, 200) },
      },
    },
    'all-gone': {
      tabs: {
        1: { it: within(25000, 25000, 100) },
        2: { it: within(25000, 25000, 100), all: within(1500, 1500, 1000) },
        3: { it: within(25000, 25000, 100), all: within(1500, 1500, 1000) },
        5: { it: within(25000, 25000, 100), all: within(1500, 1500, 1000) },
      },
      node: {
        1: { it: within(25000, 25000, 100) },
        2: { it: within(25000, 25000, 100), all: within(1500, 1500, 1000) },
        3: { it: within(25000, 25000, 100), all: within(1500, 1500, 1000) },
        5: { it: within(25000, 25000, 100), all: within(1500, 1500, 1000) },
      },
      durable: {
        1: { it: within(200, 200, 100) },
        2: { it: within(9000, 9000, 100), all: within(2000, 2000, 1000) },
        3: { it: stuck(100), all: within(7000, 7000, 1000) },
        5: { it: stuck(100), all: within(5000, 5000, 1000) },
      },
    },
    'signaling-gone': {
      tabs: {
        1: { all: within(200, 200, 100), 'with another': within(4000, 4000, 4000) },
        2: { all: within(200, 200, 100), 'with another': within(5000, 5000, 5000) },
        3: { all: within(200, 200, 100), 'with another': within(3000, 3000, 2000) },
        5: { all: within(200, 200, 100), 'with another': within(3000, 3000, 1500) },
      },
      node: {
        1: { all: within(200, 200, 100), 'with another': within(4000, 4000, 4000) },
        2: { all: within(200, 200, 100), 'with another': within(5000, 5000, 5000) },
        3: { all: within(200, 200, 100), 'with another': within(3000, 3000, 2000) },
        5: { all: within(200, 200, 100), 'with another': within(3000, 3000, 1500) },
      },
      durable: {
        1: { all: within(200, 200, 100), 'with another': within(4000, 4000, 4000) },
        2: { all: within(200, 200, 100), 'with another': within(4000, 4000, 3000) },
        3: { all: within(200, 200, 100), 'with another': within(3000, 3000, 1500) },
        5: { all: within(200, 200, 100), 'with another': within(3000, 3000, 2000) },
      },
    },
  }

function within(commandsMs: number, readsMs: number, documentsMs: number): Claim {
  return { commandsMs, readsMs, documentsMs, peeks: true }
}

function stuck(documentsMs: number, { peeks } = { peeks: true }): Claim {
  return { commandsMs: undefined, readsMs: undefined, documentsMs, peeks }
}
