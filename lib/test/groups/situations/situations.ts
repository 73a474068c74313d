import type { Peer, World } from './world.js'

export type Count = 1 | 2 | 3 | 5

/** Something that happens to a cluster. Whoever it happens to, others go on using it. */
export interface Situation {
  /** With its SPEC id. */
  readonly title: string
  run(world: World): Promise<void>
}

const GOODBYE_MS = 3_000
/** Longer than an election and than `replaceAfterMs`. */
const SILENCE_MS = 12_000
const AFTER_MS = 5_000
const SLEEP_MS = 30_000
const RELOAD_MS = 150
/** To join takes longer than a command may by default. */
const JOIN_TIMEOUT_MS = 60_000

/** In the order of the table. */
export const situations = {
  'leader-closes': {
    title: '[SIT1] the leader closes',
    run: (world) => closing(world, [world.leader]),
  },
  'leader-leaves': {
    title: '[SIT16] the leader leaves for good',
    run: leaving,
  },
  'follower-closes': {
    title: '[SIT2] a follower closes',
    run: (world) => closing(world, world.followers.slice(0, 1)),
  },
  'two-close': {
    title: '[SIT3] the leader and a follower close at once',
    run: (world) => closing(world, [world.leader, ...world.followers.slice(0, 1)]),
  },
  'leader-reloads': { title: '[SIT4] the leader reloads', run: reloading },
  'leader-crashes': {
    title: '[SIT5] the leader crashes, later it is started again',
    run: (world) => crashing(world, [world.leader]),
  },
  'follower-crashes': {
    title: '[SIT6] a follower crashes, later it is started again',
    run: (world) => crashing(world, world.followers.slice(0, 1)),
  },
  'majority-crashes': {
    title: '[SIT7] a majority, the leader included, crashes at once; later they are started again',
    run: (world) => crashing(world, [world.leader, ...world.followers].slice(0, (world.peers.length + 1) / 2)),
  },
  'leader-sleeps': {
    title: '[SIT8] the leader sleeps for 30 s',
    run: (world) => sleeping(world, world.leader),
  },
  'follower-sleeps': {
    title: '[SIT9] a follower sleeps for 30 s',
    run: (world) => sleeping(world, world.followers[0] as Peer),
  },
  'leader-cut-off': {
    title: '[SIT10] the leader is cut off from the others',
    run: (world) => parting(world, [world.leader]),
  },
  'follower-cut-off': {
    title: '[SIT11] a follower is cut off from the others',
    run: (world) => parting(world, world.followers.slice(0, 1)),
  },
  halves: {
    title: '[SIT12] the leader and a follower are cut off from the others',
    run: (world) => parting(world, [world.leader, ...world.followers.slice(0, 1)]),
  },
  'all-gone': { title: '[SIT13] all crash at once; one is started again, then the others', run: ending },
  'signaling-gone': {
    title: '[SIT14] the signaling server is gone; when it is back another peer joins',
    run: withoutSignaling,
  },
} as const satisfies Record<string, Situation>

export type SituationName = keyof typeof situations

async function closing(world: World, gone: readonly Peer[]): Promise<void> {
  const rest = world.except(...gone)
  const closed = Promise.all(gone.map((peer) => world.close(peer)))
  await world.watch({ others: rest }, GOODBYE_MS)
  await world.simulation.until(closed)
}

async function leaving(world: World): Promise<void> {
  const { leader } = world
  const left = leader.legion.leave()
  await world.watch({ others: world.except(leader) }, GOODBYE_MS)
  await world.simulation.until(left)
}

async function reloading(world: World): Promise<void> {
  const { leader } = world
  const rest = world.except(leader)
  await world.simulation.until(world.close(leader))
  await world.simulation.run(RELOAD_MS)
  world.restart(leader)
  if (rest.length > 0) await world.watch({ others: rest, it: world.except(...rest) }, GOODBYE_MS)
  else await returning(world)
}

async function crashing(world: World, gone: readonly Peer[]): Promise<void> {
  const rest = world.except(...gone)
  for (const peer of gone) peer.crash()
  await world.watch({ others: rest }, SILENCE_MS)
  world.restart(...gone)
  await world.watch({ back: world.peers }, AFTER_MS)
}

async function sleeping(world: World, sleeper: Peer): Promise<void> {
  const rest = world.except(sleeper)
  const { simulation } = world
  const wakesAtMs = simulation.clock.nowMs + SLEEP_MS
  sleeper.sleep(SLEEP_MS)
  simulation.partition([sleeper], rest)
  if (rest.length > 0) await world.watch({ others: rest }, SILENCE_MS)
  await simulation.run(wakesAtMs - simulation.clock.nowMs)
  simulation.heal()
  await world.watch({ awake: world.peers }, AFTER_MS)
}

async function parting(world: World, side: readonly Peer[]): Promise<void> {
  const rest = world.except(...side)
  world.simulation.partition(side, rest)
  await world.watch({ 'cut off': side, others: rest }, SILENCE_MS)
  world.simulation.heal()
  await world.watch({ healed: world.peers }, AFTER_MS)
}

async function ending(world: World): Promise<void> {
  const [first, ...others] = [world.leader, ...world.followers] as [Peer, ...Peer[]]
  for (const peer of world.peers) peer.crash()
  await world.simulation.run(1000)
  world.restart(first)
  await returning(world, others)
  if (others.length === 0) return
  world.restart(...others)
  await world.watch({ all: world.peers }, AFTER_MS, JOIN_TIMEOUT_MS)
}

/** Who comes back first, when all were gone. */
async function returning(world: World, gone: readonly Peer[] = []): Promise<void> {
  if (world.kind === 'durable') world.forgetNotes()
  else world.forget()
  await world.watch({ it: world.except(...gone) }, AFTER_MS, world.kind === 'durable' ? undefined : JOIN_TIMEOUT_MS)
}

async function withoutSignaling(world: World): Promise<void> {
  const { server } = world.simulation.network
  server.down()
  await world.watch({ all: world.peers }, SILENCE_MS)
  server.up()
  world.join()
  await world.watch({ 'with another': world.peers }, AFTER_MS)
}
