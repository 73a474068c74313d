import { describe, expect, it } from 'vitest'
import { pick, randomInt } from '../../src/base/random.js'
import { createSimulation, type SimulatedPeer, type Simulation } from '../../src/testing/simulation.js'
import { BankDisk, type BankMachine, bankOf } from './bank.js'

interface Branch {
  peer: SimulatedPeer<BankMachine>
  readonly disk: BankDisk
}

const limits = { logEntries: 10, logMarginEntries: 3 }

function openBranch(simulation: Simulation): Branch {
  const disk = new BankDisk(simulation.clock, simulation.random)
  return { disk, peer: simulation.open<BankMachine>({ machine: bankOf(disk), storage: 'simulated', limits }) }
}

const areReady = (branches: readonly Branch[]) => branches.every(({ peer }) => peer.legion.status().isReady)

async function start(count: number, seed: number): Promise<{ simulation: Simulation; branches: Branch[] }> {
  const simulation = createSimulation({ seed })
  const branches = Array.from({ length: count }, () => openBranch(simulation))
  await simulation.settle(() => areReady(branches))
  await simulation.run(3000)
  return { simulation, branches }
}

function add({ peer }: Branch, account: string): Promise<number> {
  return peer.legion.applyConsistent('add', { account, by: 1 }, { timeoutMs: 20_000 })
}

function crash({ peer, disk }: Branch): void {
  peer.crash()
  disk.crash()
}

function restart(branch: Branch): void {
  branch.peer = branch.peer.restart()
}

const agree = (branches: readonly Branch[]) =>
  areReady(branches) && new Set(branches.map(({ peer }) => peer.legion.status().main?.applied)).size === 1

describe('a machine with storage of its own', () => {
  it('[GRP80] loses nothing and applies nothing twice, whenever its peers crash', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { simulation, branches } = await start(3, seed)
      const told = { acknowledged: 0, unknown: 0 }
      for (let round = 0; round < 60; round++) {
        const branch = pick(simulation.random, branches)
        if (!branch.peer.isAlive) restart(branch)
        else if (simulation.random() < 0.2) crash(branch)
        else {
          told.unknown++
          add(branch, `account ${round % 20}`).then(
            () => told.acknowledged++,
            () => {},
          )
        }
        await simulation.run(randomInt(simulation.random, 500))
      }
      for (const branch of branches) if (!branch.peer.isAlive) restart(branch)
      await simulation.settle(() => areReady(branches))
      await simulation.until(add(branches[0] as Branch, 'last')) // only a new leader knows all that was committed
      await simulation.settle(() => agree(branches))
      const [first, ...others] = branches.map(({ peer }) => peer.legion.state)
      for (const other of others) expect(other, `seed ${seed}`).toEqual(first)
      const sum = Object.values(first ?? {}).reduce((a, b) => a + b, 0) - 1
      expect(sum, `seed ${seed}`).toBeGreaterThanOrEqual(told.acknowledged)
      expect(sum, `seed ${seed}`).toBeLessThanOrEqual(told.unknown)
    }
  }, 60_000)

  it('[GRP81] begins with what it flushed and is given only what came after it', async () => {
    const { simulation, branches } = await start(1, 1)
    const [branch] = branches as [Branch]
    for (let i = 0; i < 8; i++) await simulation.until(add(branch, 'a'))
    await simulation.until(branch.peer.legion.main.snapshot())
    for (let i = 0; i < 4; i++) await simulation.until(add(branch, 'a'))
    crash(branch)
    expect(branch.disk.stored?.accounts).toEqual({ a: 8 })
    restart(branch)
    await simulation.settle(() => areReady(branches))
    expect(await simulation.until(branch.peer.legion.read('sum', 'a'))).toBe(12)
  })

  it('[GRP82] that got ahead of its log by a snapshot, in a crash, goes on', async () => {
    const { simulation, branches } = await start(3, 2)
    const late = branches.find(({ peer }) => peer.legion.leader !== peer.id) as Branch
    const others = branches.filter((branch) => branch !== late) as [Branch, Branch]
    crash(late)
    for (let i = 0; i < 40; i++) await simulation.until(add(others[i % 2] as Branch, 'a'))
    await simulation.run(10_000)
    for (const { peer } of others) await simulation.until(peer.legion.main.compact())
    let installed = 0
    late.disk.onInstalled = () => {
      if (installed++ === 0) crash(late)
    }
    restart(late)
    await simulation.settle(() => !late.peer.isAlive)
    expect(late.disk.stored?.accounts).toEqual({ a: 40 })
    restart(late)
    await simulation.settle(() => agree(branches))
    expect(await simulation.until(add(late, 'a'))).toBe(41)
    crash(late)
    restart(late)
    await simulation.settle(() => agree(branches))
    expect(await simulation.until(late.peer.legion.read('sum', 'a'))).toBe(41)
  })

  it('[GRP83] that lost what it stored is refused with E_STORAGE', async () => {
    const { simulation, branches } = await start(3, 3)
    const [branch] = branches as [Branch]
    crash(branch)
    branch.disk.lose()
    restart(branch)
    await expect(simulation.until(branch.peer.legion.ready)).rejects.toMatchObject({ code: 'E_STORAGE' })
  })

  it('[GRP84] gives and gets snapshots', async () => {
    const { simulation, branches } = await start(1, 4)
    for (let i = 0; i < 60; i++) await simulation.until(add(branches[0] as Branch, `account ${i}`))
    const newcomer = openBranch(simulation)
    await simulation.settle(() => agree([...branches, newcomer]))
    expect(newcomer.peer.legion.state).toEqual(branches[0]?.peer.legion.state)
    expect(Object.keys(newcomer.disk.stored?.accounts ?? {})).toHaveLength(60)
  })
})
