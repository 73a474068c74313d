import { FairWeather } from '../../../lib/dist/testing/raft/fair-weather.js'
import type { Benchmark } from '../benchmark.js'
import { rateOf } from './common.js'

const PAYLOAD = new Uint8Array(16)
const TICKS = 100_000
const PROPOSALS = 100_000
/** Of liferaft, which takes thousands of times as long. */
const LIFERAFT_PROPOSALS = 200
const LIFERAFT =
  'liferaft has no log but one in LevelDB, which it does not sync. Commands that it is given together overwrite each other, so it is given one at a time.'

export const raftCore: Benchmark = {
  name: 'raft-core',
  about:
    'Three Raft cores in one process, without faults, network or storage: events (ticks, messages, Readies) per second, and commands of 16 bytes applied by all three per second, so many proposed at a time. Beside it @markwylde/liferaft, three nodes in one process that call each other, until the leader says that it has committed.',
  alternative: 'liferaft',
  async run(lab) {
    const liferaft = lab.idlePeer('liferaft')
    await liferaft.ask('startLifeRaft')
    lab.onStop(() => liferaft.ask('stopLifeRaft'))
    lab.note(LIFERAFT)
    const { idle, steady, one, hundred, thousand, liferaftOne } = await lab.measure({
      idle: async () => eventsPerSecond((cores) => cores.tick()),
      steady: async () =>
        eventsPerSecond((cores) => {
          cores.propose([PAYLOAD])
          cores.tick()
        }),
      one: async () => commandsPerSecond(1),
      hundred: async () => commandsPerSecond(100),
      thousand: async () => commandsPerSecond(1000),
      liferaftOne: async () => rateOf(await liferaft.ask('lifeRaftRate', LIFERAFT_PROPOSALS)),
    })
    return [
      { label: 'events, three idle voters', unit: 'events/s', ours: idle.value, beside: undefined },
      { label: 'events, one proposal a tick', unit: 'events/s', ours: steady.value, beside: undefined },
      { label: 'commands, 1 at a time', unit: 'commands/s', ours: one.value, beside: liferaftOne.rate },
      { label: 'commands, 100 at a time', unit: 'commands/s', ours: hundred.value, beside: undefined },
      { label: 'commands, 1,000 at a time', unit: 'commands/s', ours: thousand.value, beside: undefined },
    ]
  },
}

function eventsPerSecond(step: (cores: FairWeather) => void): { readonly value: number } {
  const cores = new FairWeather()
  const startedAt = performance.now()
  for (let i = 0; i < TICKS; i++) step(cores)
  return { value: (cores.events * 1000) / (performance.now() - startedAt) }
}

function commandsPerSecond(together: number): { readonly value: number } {
  const cores = new FairWeather()
  const payloads = Array.from({ length: together }, () => PAYLOAD)
  const startedAt = performance.now()
  for (let i = 0; i < PROPOSALS / together; i++) cores.propose(payloads)
  return { value: (PROPOSALS * 1000) / (performance.now() - startedAt) }
}
