import { pick, type RandomStream, randomInt, shuffled } from '../../src/base/random.js'
import { peerOf } from '../../src/groups/voter-id.js'
import { createSimulation, type Simulation } from '../../src/testing/simulation.js'
import { Bookkeeper } from './bookkeeper.js'
import { type End, Fleet, type GroupName, KINDS, type Kind, type Place, short } from './fleet.js'
import { newCounts, type StormCounts } from './storm-counts.js'
import { hashOf, type SwarmResult } from './swarm.js'
import { Users } from './users.js'
import { Watch } from './watch.js'

export interface StormResult extends SwarmResult {
  readonly counts: StormCounts
  /** Why the cluster can't go on, by its roster; undefined: it goes on. */
  readonly loss: string | undefined
}

const EVENTS = [
  'close page',
  'close',
  'leave',
  'reload',
  'crash',
  'quit',
  'sleep',
  'hide',
  'throttle',
  'server',
  'partition',
  'one-way',
  'cut',
  'slow',
  'lost goodbye',
  'late goodbye',
  'doubled goodbye',
] as const
type Event = (typeof EVENTS)[number]

const HOSTS = ['north', 'south']
const PEERS_MAX = 9
const LOG_ENTRIES = [5, 30, 10_000]
const DISK_LATENCIES_MS = [
  [0.5, 2],
  [5, 40],
] as const
const LATENCIES_MS = [
  [1, 20],
  [5, 80],
] as const
/** Storms in which peers may crash that the quorum depends on. */
const RECKLESS = 0.05
/** A leader may still promote who was heard from so lately. */
const UNNOTICED_MS = 2_000
/** A silent link is closed by then. */
const SILENT_MS = 7_000
/** Until a vote that was given away is adopted, durably. */
const ADOPTED_WITHIN_MS = 1_500
const LATE_MS = [500, 3_000] as const
const CHECK_MS = 5_000
/** After all is healed; who was not steady is given no vote for a minute. */
const RECOVERED_WITHIN_MS = 120_000
const RECOVERY_STEP_MS = 200

/** What all peers open; users apply their commands to the last of them. */
export type StormGroups = readonly [...GroupName[], GroupName]

/** One cluster of peers of all kinds that come and go in a storm of everything that can happen to them. */
export class Storm {
  readonly counts = newCounts()
  readonly #simulation: Simulation
  readonly #random: RandomStream
  readonly #users: Users
  readonly #fleet: Fleet
  /** One for each group. */
  readonly #bookkeepers: readonly Bookkeeper[]
  readonly #watch: Watch
  readonly #kinds: readonly Kind[]
  readonly #events: readonly Event[]
  readonly #isReckless: boolean
  readonly #latencyMs: readonly [number, number]
  readonly #diskLatencyMs: readonly [number, number]
  readonly #log: string[] = []
  #wanted: number
  /** Something is wrong with the network, until it ends. */
  #isFair = true
  #isServerUp = true
  #endedSilentlyAtMs = Number.NEGATIVE_INFINITY
  /** Votes are on their way until then. */
  #adoptingUntilMs = 0

  constructor(seed: number, groups: StormGroups = ['main']) {
    this.#simulation = createSimulation({ seed })
    this.#random = this.#simulation.random
    this.#users = new Users(this.#simulation, (peer) => this.#fleet.usedOf(peer))
    this.#latencyMs = pick(this.#random, LATENCIES_MS)
    this.#diskLatencyMs = pick(this.#random, DISK_LATENCIES_MS)
    const logEntries = pick(this.#random, LOG_ENTRIES)
    const limits = { logEntries, logMarginEntries: Math.min(1000, logEntries) }
    this.#fleet = new Fleet(this.#simulation, {
      groups,
      limits,
      started: (place) => this.#started(place),
      opened: (name, group) => this.#watch.opened(name, group),
    })
    this.#bookkeepers = groups.map((name) => new Bookkeeper(this.#fleet, name))
    this.#watch = new Watch(this.#simulation.clock, this.#fleet, this.#users, this.counts)
    // Each seed first draws what there is: combinations that are rare otherwise become common.
    this.#kinds = this.#some(KINDS)
    this.#events = this.#some(EVENTS)
    this.#isReckless = this.#random() < RECKLESS
    this.#wanted = this.#drawSize()
    this.#simulation.network.setConditions({ latencyMs: this.#latencyMs })
  }

  async run(minutes: number): Promise<StormResult> {
    const { clock } = this.#simulation
    this.#open()
    await this.#simulation.settle(() => this.#fleet.ready.length > 0)
    const endMs = clock.nowMs + minutes * 60_000
    while (clock.nowMs < endMs) {
      await this.#pass(1_000 + this.#random() * pick(this.#random, [4_000, 20_000, 40_000]))
      this.#disturb()
    }
    const loss = await this.#calm()
    this.#check()
    this.counts.minutes = clock.nowMs / 60_000
    this.counts.acknowledged = this.#users.acknowledged
    return { ...(await this.#result()), counts: this.counts, loss }
  }

  /** What to look at when something is wrong. */
  describe(): string {
    const setting = `${this.#isReckless ? 'reckless, ' : ''}${this.#kinds.join(', ')}`
    return [setting, ...this.#log, ...this.#fleet.up.map((place) => this.#fleet.describe(place))].join('\n')
  }

  get #nowMs(): number {
    return this.#simulation.clock.nowMs
  }

  #some<T>(all: readonly T[]): readonly T[] {
    return shuffled(this.#random, all).slice(0, 1 + randomInt(this.#random, all.length))
  }

  /** Rather small than large: the larger half costs most of the time. */
  #drawSize(): number {
    const random = this.#random
    return 1 + Math.min(randomInt(random, PEERS_MAX), randomInt(random, PEERS_MAX))
  }

  #note(what: string): void {
    this.#log.push(`${Math.round(this.#nowMs)} ${what}`)
  }

  // --- time passes

  async #pass(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs
    while (this.#nowMs < endMs) {
      await this.#simulation.run(Math.min(CHECK_MS, endMs - this.#nowMs))
      this.#use()
      this.#check()
    }
  }

  /** Somebody does something, or somebody who should be able to applies a command. */
  #use(): void {
    const isAny = this.#random() < 0.5 && !this.#watch.isImpatient
    const [place] = shuffled(
      this.#random,
      isAny ? this.#fleet.up : this.#fleet.ready.filter((place) => this.#isAwake(place)),
    )
    if (place === undefined) return
    if (isAny) this.#users.act(place.peer, place.isDurable)
    else this.#users.attempt(place.peer)
  }

  #check(): void {
    const awake = this.#fleet.up.filter((place) => this.#isAwake(place))
    const isQuorum = this.#bookkeepers.every((bookkeeper) => bookkeeper.isQuorum(awake))
    this.#watch.check(this.#isFair && this.#isServerUp && isQuorum)
  }

  #isAwake({ sleepsUntilMs }: Place): boolean {
    return sleepsUntilMs < this.#nowMs
  }

  #started(place: Place): void {
    this.counts.opens++
    this.#note(`opens ${place}`)
  }

  // --- what happens

  #disturb(): void {
    if (this.#random() < 0.05) this.#wanted = this.#drawSize()
    const there = this.#fleet.up.length + this.#fleet.down.length
    const difference = this.#wanted - there
    if (difference > 0 && this.#random() < 0.6) this.#open()
    else if (difference < 0 && this.#random() < 0.6) this.#depart()
    else this.#happen(pick(this.#random, this.#events))
  }

  #open(): void {
    const kind = pick(this.#random, this.#kinds)
    const isTab = kind.endsWith('tab')
    const host = isTab && this.#random() < 0.7 ? pick(this.#random, HOSTS) : undefined
    const down = this.#fleet.down.filter((place) => place.kind === kind && place.host === host)
    // A tab of the same browser takes the store that is free.
    if (host !== undefined && down[0] !== undefined) this.#restart(down[0])
    else this.#fleet.open(kind, host, { latencyMs: this.#diskLatencyMs })
  }

  #depart(): void {
    const [place] = shuffled(this.#random, this.#fleet.up)
    if (place === undefined) return
    const how = pick(this.#random, ['close page', 'close', 'leave'] as const)
    if (how === 'leave' || !place.isDurable) this.#happen(how, place)
    else this.#leave(place)
  }

  #happen(event: Event, place = shuffled(this.#random, this.#fleet.up)[0]): void {
    if (place === undefined) return
    switch (event) {
      case 'close page':
      case 'lost goodbye':
      case 'late goodbye':
      case 'doubled goodbye':
        this.#closePage(place, event)
        break
      case 'close':
        this.#close(place)
        break
      case 'leave':
        this.#leave(place)
        break
      case 'reload':
        this.#reload(place)
        break
      case 'crash':
        this.#crash([place])
        break
      case 'quit':
        this.#crash(this.#fleet.up.filter(({ isTab, host }) => isTab && host !== undefined && host === place.host))
        break
      case 'sleep':
        this.#sleep(place)
        break
      case 'hide':
        this.#note(`hide or show ${place}`)
        place.peer.setVisible(this.#random() < 0.5)
        break
      case 'throttle':
        if (place.isTab) place.peer.setThrottled(this.#random() < 0.5)
        break
      default:
        this.#trouble(event, place)
    }
  }

  #closePage(place: Place, event: Event): boolean {
    const isLost = event === 'lost goodbye'
    const end = isLost ? 'crash' : this.#goodbyeOf(place)
    if (!this.#mayEnd([place], end)) return false
    this.#note(`${event} ${place} ${end}`)
    this.counts.closes++
    const { network } = this.#simulation
    const others = this.#fleet.up.filter((other) => other !== place && this.#random() < 0.7)
    if (isLost) for (const other of others) network.cut(place.peer.id, other.peer.id)
    if (event === 'late goodbye') network.setConditions({ latencyMs: LATE_MS })
    if (event === 'doubled goodbye') network.setConditions({ isDoubling: true })
    place.peer.closePage()
    network.setConditions({ latencyMs: this.#latencyMs, isDoubling: false })
    this.#adoptingUntilMs = this.#nowMs + ADOPTED_WITHIN_MS + (event === 'late goodbye' ? LATE_MS[1] : 0)
    this.#gone(place, end)
    return true
  }

  #reload(place: Place): void {
    if (!this.#closePage(place, 'close page')) return
    this.counts.reloads++
    this.#restartLater(place, 50 + this.#random() * 1000)
  }

  #close(place: Place): void {
    const end = this.#goodbyeOf(place)
    if (!this.#mayEnd([place], end)) return
    this.#note(`close ${place} ${end}`)
    this.counts.closes++
    place.isClosing = true
    void place.peer.legion.close().then(() => this.#closed(place, this.#hasLeft(place) ? 'left' : end))
  }

  #leave(place: Place): void {
    const end = this.#goodbyeOf(place)
    if (!this.#fleet.ready.includes(place) || this.#otherMembers([place]).length === 0 || !this.#mayEnd([place], end))
      return
    this.#note(`leave ${place} ${end}`)
    this.counts.leaves++
    place.isClosing = true
    place.peer.legion.leave().then(
      () => this.#closed(place, 'left'),
      () => this.#closed(place, end),
    )
  }

  /** Without storage, closing is leaving: unless it was cut off, as one that slept all the time. */
  #hasLeft({ isDurable, peer }: Place): boolean {
    const voters = this.#bookkeepers.flatMap((bookkeeper) => bookkeeper.voters)
    return !isDurable && !voters.some((id) => peerOf(id) === peer.id)
  }

  #closed(place: Place, end: End): void {
    place.peer.crash()
    place.isClosing = false
    this.#adoptingUntilMs = this.#nowMs + ADOPTED_WITHIN_MS
    this.#note(`closed ${place} ${end}`)
    this.#gone(place, end)
  }

  #crash(victims: readonly Place[]): void {
    if (victims.length === 0 || !this.#mayEnd(victims, 'crash')) return
    this.#note(`crash ${victims.join(', ')}`)
    for (const place of victims) {
      this.counts.crashes++
      place.peer.crash()
      this.#gone(place, 'crash')
    }
  }

  #gone(place: Place, end: End): void {
    this.#users.crashed(place.peer)
    this.#fleet.ended(place, end)
    if (end === 'crash') {
      this.#endedSilentlyAtMs = this.#nowMs
      this.#watch.disturbed()
    }
    if (this.#fleet.places.has(place)) this.#restartLater(place, 100 + this.#random() * 30_000)
  }

  #restartLater(place: Place, delayMs: number): void {
    this.#simulation.clock.setTimer(delayMs, () => this.#restart(place))
  }

  #restart(place: Place): void {
    const isOver = place.peer.isAlive || (!place.isDurable && this.#fleet.places.has(place))
    if (!isOver) this.#fleet.restart(place)
  }

  #sleep(place: Place): void {
    if (!this.#isFair) return
    this.#note(`sleep ${place}`)
    this.counts.sleeps++
    const durationMs = 2_000 + this.#random() * 25_000
    const others = this.#ids.filter((id) => id !== place.peer.id)
    place.sleepsUntilMs = this.#nowMs + durationMs
    place.peer.sleep(durationMs)
    this.#during(durationMs, () => {
      this.#simulation.network.partition([place.peer.id], others)
    })
  }

  // --- the network

  get #ids(): Place['peer']['id'][] {
    return this.#fleet.up.map(({ peer }) => peer.id)
  }

  #trouble(event: Event, place: Place): void {
    const { network } = this.#simulation
    const other = shuffled(this.#random, this.#ids).find((id) => id !== place.peer.id)
    if (other === undefined || !this.#isFair) return
    this.#note(event)
    const durationMs = 500 + this.#random() * 15_000
    if (event === 'server') this.#outage(durationMs)
    else if (event === 'partition') this.#during(durationMs, () => this.#split())
    else if (event === 'one-way') this.#during(durationMs, () => network.block([place.peer.id], [other]))
    else if (event === 'slow') this.#during(durationMs, () => network.setConditions({ latencyMs: [50, 400] }))
    else network.cut(place.peer.id, other)
  }

  #split(): void {
    const ids = shuffled(this.#random, this.#ids)
    const at = 1 + randomInt(this.#random, ids.length - 1)
    this.#simulation.network.partition(ids.slice(0, at), ids.slice(at))
  }

  #outage(durationMs: number): void {
    // A server that starts anew while nobody of the cluster is there would have it founded again.
    if (!this.#isServerUp || this.#otherMembers([]).length === 0) return
    this.#isServerUp = false
    this.#simulation.network.server.down()
    this.#simulation.clock.setTimer(durationMs, () => this.#serverUp())
  }

  #serverUp(): void {
    this.#isServerUp = true
    this.#simulation.network.server.up()
  }

  #during(durationMs: number, begin: () => void): void {
    this.#isFair = false
    begin()
    this.#simulation.clock.setTimer(durationMs, () => this.#fair())
  }

  #fair(): void {
    this.#isFair = true
    this.#simulation.network.heal()
    this.#simulation.network.setConditions({ latencyMs: this.#latencyMs })
  }

  // --- who may end

  /** What becomes of its vote. */
  #goodbyeOf(place: Place): End {
    const others = this.#otherMembers([place])
    const { peers } = place.peer.legion
    const isHeard = others.every((other) => peers.has(other.peer.id) && other.peer.legion.peers.has(place.peer.id))
    const isQuiet = this.#isFair && this.#nowMs > this.#endedSilentlyAtMs + SILENT_MS
    return others.length > 0 && isHeard && isQuiet ? 'goodbye' : 'crash'
  }

  #mayEnd(victims: readonly Place[], end: End): boolean {
    if (!this.#isRemembered(victims) || this.#fleet.isAnyClosing) return false
    const nowMs = this.#nowMs
    if (end === 'goodbye' && nowMs >= this.#adoptingUntilMs) return true
    if (this.#isReckless) return true
    const isSettled = nowMs > this.#endedSilentlyAtMs + UNNOTICED_MS && nowMs >= this.#adoptingUntilMs
    return isSettled && this.#bookkeepers.every((bookkeeper) => bookkeeper.survives(victims))
  }

  /** The state is still somewhere, and the server knows whose cluster it is. */
  #isRemembered(victims: readonly Place[]): boolean {
    if (this.#otherMembers(victims).some((place) => this.#isAwake(place))) return true
    const isServerSafe = this.#isServerUp && !this.#events.includes('server')
    return isServerSafe && this.#fleet.up.every(({ isDurable }) => isDurable)
  }

  /** Of all groups. */
  #otherMembers(victims: readonly Place[]): Place[] {
    const isMember = (place: Place) => this.#bookkeepers.every(({ members }) => members.includes(place))
    return this.#fleet.up.filter((place) => !victims.includes(place) && isMember(place))
  }

  // --- the end

  /** Everything is as it should be again, within a bounded time. @returns why that can't be */
  async #calm(): Promise<string | undefined> {
    await this.#simulation.settle(() => !this.#fleet.isAnyClosing)
    this.#note('calm')
    this.#fair()
    this.#serverUp()
    for (const place of this.#fleet.down) this.#restart(place)
    const fromMs = this.#nowMs
    if (!(await this.#recovers())) return this.#explainLoss()
    await this.#simulation.until(Promise.all(this.#fleet.up.map(({ peer }) => this.#users.insist(peer))), 30_000)
    if (!(await this.#recovers())) throw new Error('it does not come to rest')
    this.counts.recoveryMs = this.#nowMs - fromMs
    return undefined
  }

  async #recovers(): Promise<boolean> {
    const endMs = this.#nowMs + RECOVERED_WITHIN_MS
    while (!this.#fleet.isRecovered && this.#nowMs < endMs) await this.#simulation.run(RECOVERY_STEP_MS)
    return this.#fleet.isRecovered
  }

  /** @throws Error unless the quorum was lost, and that in a storm that may do so */
  #explainLoss(): string {
    const { up } = this.#fleet
    if (!this.#isReckless) throw new Error('it does not recover')
    if (this.#bookkeepers.every((bookkeeper) => bookkeeper.isQuorum(up)))
      throw new Error('it does not recover though a quorum is there')
    const missing = this.#bookkeepers.flatMap((bookkeeper) => bookkeeper.missing())
    const unlikely = missing.filter(({ end }) => end !== 'crash')
    if (unlikely.length === missing.length) throw new Error(`nobody speaks for ${JSON.stringify(missing)}`)
    this.counts.lost++
    const gone = missing.map(({ id, end }) => `${short(id)} (${end})`)
    return `nobody speaks for the voters ${gone.join(', ')}`
  }

  async #result(): Promise<SwarmResult> {
    const peers = this.#fleet.ready.map(({ peer }) => peer)
    const groups = peers.flatMap((peer) => this.#fleet.usedOf(peer) ?? [])
    const snapshots = await Promise.all(groups.map((group) => hashOf(group.exportSnapshot())))
    return {
      hash: this.#simulation.hash,
      operations: this.#users.operations,
      states: groups.map(({ state }) => state),
      snapshots,
      texts: peers.map(({ legion }) => legion.doc().y.getText('notes').toString()),
      faults: this.#log,
    }
  }
}
