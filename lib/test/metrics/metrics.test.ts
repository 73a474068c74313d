import { describe, expect, it } from 'vitest'
import { defineMachine, kv, Rejected } from '../../src/machines/index.js'
import type { Metric } from '../../src/metrics.js'
import { createSimulation, type SimulatedPeer } from '../../src/testing/simulation.js'
import { readMetric } from './support.js'

const moody = defineMachine({
  name: 'moody',
  version: 1,
  initial: () => ({ count: 0 }),
  commands: {
    add: (state) => ++state.count,
    refuse: () => {
      throw new Rejected('not today')
    },
    fail: () => {
      throw new Error('boom')
    },
  },
})

const keyOf = ({ name, labels }: Metric) => JSON.stringify([name, Object.entries(labels).sort()])

describe('metrics', () => {
  it('[LEG50] are plain numbers with names, labels and help as Prometheus wants them, none twice', async () => {
    const simulation = createSimulation({ seed: 1 })
    const [peer] = (await simulation.peers(3)) as [SimulatedPeer, SimulatedPeer, SimulatedPeer]
    await simulation.until(peer.legion.group('orders', kv))
    const metrics = peer.legion.metrics()
    expect(structuredClone(metrics)).toEqual(metrics)
    expect(new Set(metrics.map(keyOf)).size).toBe(metrics.length)
    const kindOf = ({ help, type, labels }: Metric) => `${type} ${help} ${Object.keys(labels)}`
    const kinds = new Map(metrics.map((metric) => [metric.name, kindOf(metric)]))
    for (const metric of metrics) {
      const { name, type, value, labels } = metric
      expect(name).toMatch(type === 'counter' ? /^legion_[a-z_]+_total$/ : /^legion_[a-z_]+$/)
      expect(name.endsWith('_total')).toBe(type === 'counter')
      expect(kinds.get(name)).toBe(kindOf(metric))
      expect(Number.isFinite(value)).toBe(true)
      for (const label of Object.keys(labels)) expect(label).toMatch(/^[a-z]+$/)
    }
  })

  it('[LEG51] tell for each open group what it does, and what became of the commands', async () => {
    const simulation = createSimulation({ seed: 2 })
    const peers = await simulation.peers(3, { machine: moody })
    const [{ legion }] = peers as [SimulatedPeer<typeof moody>]
    await simulation.until(legion.group('orders', kv))
    for (let i = 0; i < 3; i++) await simulation.until(legion.applyConsistent('add'))
    await expect(simulation.until(legion.applyConsistent('refuse'))).rejects.toMatchObject({ code: 'E_REJECTED' })
    await expect(simulation.until(legion.applyConsistent('fail'))).rejects.toMatchObject({ code: 'E_COMMAND_FAILED' })
    await simulation.until(legion.main.snapshot())

    const metrics = legion.metrics()
    const commands = ['applied', 'rejected', 'failed', 'repeated'].map((outcome) =>
      readMetric(metrics, 'legion_group_commands_total', { group: 'main', outcome }),
    )
    expect(commands).toEqual([3, 1, 1, 0])
    expect(readMetric(metrics, 'legion_group_members', { group: 'main' })).toBe(3)
    expect(readMetric(metrics, 'legion_group_checkpoints_total', { group: 'main' })).toBe(1)
    expect(readMetric(metrics, 'legion_group_snapshot_bytes', { group: 'main' })).toBeGreaterThan(0)
    expect(readMetric(metrics, 'legion_group_members', { group: 'orders' })).toBe(1)
    expect(readMetric(metrics, 'legion_groups')).toBe(2)
    const leaders = peers.map((peer) => readMetric(peer.legion.metrics(), 'legion_group_is_leader', { group: 'main' }))
    expect(leaders.sort()).toEqual([0, 0, 1])
    const { main } = legion.status()
    expect(readMetric(metrics, 'legion_group_commit_index', { group: 'main' })).toBe(main?.commit)
  })

  it('[LEG52] count what goes over each link, what messages and documents do, and what is written', async () => {
    const simulation = createSimulation({ seed: 3 })
    const peers = await simulation.peers(2, { storage: 'simulated', handlers: { ping: () => 1 } })
    const [a, b] = peers as [SimulatedPeer, SimulatedPeer]
    a.legion.applyFast((y) => y.getText('notes').insert(0, 'hello'))
    await simulation.until(a.legion.messages<{ ping(): number }>().call(b.id, 'ping'))
    await simulation.until(a.legion.applyConsistent('set', { key: 'a', value: 1 }))

    const metrics = a.legion.metrics()
    expect(readMetric(metrics, 'legion_links')).toBe(1)
    expect(readMetric(metrics, 'legion_link_sent_bytes_total', { peer: b.id })).toBeGreaterThan(0)
    expect(readMetric(metrics, 'legion_link_rtt_seconds', { peer: b.id })).toBeLessThan(1)
    expect(readMetric(metrics, 'legion_messages_sent_total')).toBe(1)
    expect(readMetric(metrics, 'legion_messages_received_total')).toBe(1)
    expect(readMetric(metrics, 'legion_documents_open')).toBe(1)
    expect(readMetric(metrics, 'legion_storage_batches_total')).toBeGreaterThan(0)
    expect(readMetric(metrics, 'legion_storage_queued_bytes')).toBe(0)
    const sent = peers.map(({ legion }) =>
      readMetric(legion.metrics(), 'legion_snapshot_transfers_total', { direction: 'sent' }),
    )
    expect(sent.sort()).toEqual([0, 1])

    const memory = await simulation.peers(1)
    expect(memory[0]?.legion.metrics().some(({ name }) => name.startsWith('legion_storage'))).toBe(false)
  })

  it('[LEG53] tell on the leader how far and for how long each member is behind', async () => {
    const simulation = createSimulation({ seed: 4 })
    const peers = await simulation.peers(3)
    await simulation.run(3_000)
    const leader = peers.find(({ id, legion }) => legion.leader === id) as SimulatedPeer
    const [near, far] = peers.filter((peer) => peer !== leader) as [SimulatedPeer, SimulatedPeer]
    const lag = (peer: SimulatedPeer, unit: string) =>
      readMetric(leader.legion.metrics(), `legion_group_member_lag_${unit}`, { peer: peer.id })
    expect([lag(near, 'entries'), lag(near, 'seconds')]).toEqual([0, 0])
    expect(readMetric(near.legion.metrics(), 'legion_group_member_lag_entries')).toBe(undefined)

    simulation.partition([leader, near], [far])
    for (let i = 0; i < 20; i++) {
      await simulation.until(leader.legion.applyConsistent('increment', { key: 'n' }))
      await simulation.run(100)
    }
    expect(lag(far, 'entries')).toBe(20)
    expect(lag(far, 'seconds')).toBeGreaterThan(1.8)
    expect(lag(far, 'seconds')).toBeLessThan(2.6)
    expect(leader.legion.status().main?.members.find(({ peer }) => peer === far.id)).toMatchObject({
      behindEntries: 20,
    })

    simulation.heal()
    await simulation.settle(() => lag(far, 'seconds') === 0 && lag(far, 'entries') === 0)
  })
})
