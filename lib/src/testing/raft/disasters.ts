import { pick, type RandomStream, randomInt, shuffled } from '../../base/random.js'
import type { VoterId } from '../../raft/types.js'
import type { SimulatedReplica } from './replica.js'
import type { Step } from './steps.js'
import type { Fault, Weather } from './weather.js'
import type { World } from './world.js'

interface Pair {
  readonly who: VoterId
  readonly peer: VoterId
}

/** Begins faults and ends them. */
export class Disasters {
  readonly #random: RandomStream
  readonly #weather: Weather
  readonly #world: World
  readonly #step: (step: Step) => boolean
  readonly #ids: readonly VoterId[]
  readonly #endings: { readonly round: number; readonly end: () => void }[] = []
  readonly #paused = new Set<VoterId>()

  constructor(random: RandomStream, weather: Weather, world: World, step: (step: Step) => boolean) {
    this.#random = random
    this.#weather = weather
    this.#world = world
    this.#step = step
    this.#ids = [...world.replicas.keys()]
  }

  /** Neither ticks, nor receives, nor works. */
  isPaused(id: VoterId): boolean {
    return this.#paused.has(id)
  }

  play(round: number): void {
    for (let i = this.#endings.length - 1; i >= 0; i--) {
      const ending = this.#endings[i]
      if (ending === undefined || ending.round > round) continue
      this.#endings.splice(i, 1)
      ending.end()
    }
    if (this.#weather.faults.length === 0 || this.#random() >= this.#weather.faultChance) return
    const until = round + 1 + randomInt(this.#random, pick(this.#random, [5, 40, 100]))
    this.#endings.push({ round: until, end: this.#begin(pick(this.#random, this.#weather.faults)) })
  }

  /** @returns what ends it */
  #begin(fault: Fault): () => void {
    const someone = pick(this.#random, this.#ids)
    const leader = this.#world.referee.leader ?? someone
    const others = shuffled(this.#random, this.#ids)
    switch (fault) {
      case 'crash':
        return this.#crash([someone])
      case 'crash-leader':
        return this.#crash([leader])
      case 'crash-all':
        return this.#crash(others)
      case 'isolate':
        return this.#cut([...this.#between([someone], this.#ids), ...this.#between(this.#ids, [someone])])
      case 'isolate-leader':
        return this.#cut([...this.#between([leader], this.#ids), ...this.#between(this.#ids, [leader])])
      case 'isolate-leader-pair':
        return this.#split([leader, someone])
      case 'split':
        return this.#split(others.slice(0, 1 + randomInt(this.#random, others.length - 1)))
      case 'one-way':
        return this.#cut(this.#between([someone], others.slice(0, 1 + randomInt(this.#random, others.length))))
      case 'cut-link':
        return this.#cut([...this.#between([someone], [leader]), ...this.#between([leader], [someone])])
      case 'pause':
        return this.#pause(someone)
    }
  }

  #crash(ids: readonly VoterId[]): () => void {
    const down = ids
      .map((id) => this.#world.replicas.get(id))
      .filter((each): each is SimulatedReplica => each !== undefined)
    for (const { id } of down) this.#step({ verb: 'crash', who: id, count: randomInt(this.#random, 3) })
    return () => {
      for (const { id } of down) this.#step({ verb: 'restart', who: id })
    }
  }

  #split(side: readonly VoterId[]): () => void {
    const rest = this.#ids.filter((id) => !side.includes(id))
    return this.#cut([...this.#between(side, rest), ...this.#between(rest, side)])
  }

  #between(senders: readonly VoterId[], receivers: readonly VoterId[]): Pair[] {
    return senders.flatMap((who) => receivers.filter((peer) => peer !== who).map((peer) => ({ who, peer })))
  }

  #cut(pairs: readonly Pair[]): () => void {
    for (const pair of pairs) {
      this.#step({ verb: 'cut', ...pair })
      if (this.#random() < 0.2) this.#step({ verb: 'unreachable', ...pair })
    }
    return () => {
      for (const pair of pairs) this.#step({ verb: 'mend', ...pair })
    }
  }

  #pause(id: VoterId): () => void {
    this.#paused.add(id)
    const missed = this.#random() < 0.5 ? 1 + randomInt(this.#random, 40) : 0
    return () => {
      this.#paused.delete(id)
      if (missed > 0) this.#step({ verb: 'tick', who: id, count: missed })
    }
  }
}
