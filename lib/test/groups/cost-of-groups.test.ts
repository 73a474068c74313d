import { afterEach, describe, expect, it, vi } from 'vitest'
import type { PeerId } from '../../src/base/ids.js'
import { ConsensusFrames, type GroupMessage } from '../../src/groups/consensus-frames.js'
import type { Group } from '../../src/groups/group.js'
import { GroupLoop } from '../../src/groups/group-loop.js'
import { HeldCommits } from '../../src/groups/held-commits.js'
import { ReplicaHost } from '../../src/groups/replica-host.js'
import { kv } from '../../src/machines/index.js'
import type { Message, VoterId } from '../../src/raft/index.js'
import { Progress } from '../../src/raft/progress.js'
import { createSimulation, type Simulation } from '../../src/testing/simulation.js'

type KvGroup = Group<typeof kv>

afterEach(() => void vi.restoreAllMocks())

/** So many groups on three peers, that have nothing to do. @returns the replicas of each */
async function atRest(count: number, seed: number): Promise<[Simulation, KvGroup[][]]> {
  const simulation = createSimulation({ seed })
  const peers = await simulation.peers<typeof kv>(3)
  await simulation.run(2_000)
  const names = Array.from({ length: count }, (_, i) => `g${i}`)
  const open = (name: string) => simulation.until(Promise.all(peers.map(({ legion }) => legion.group(name, kv))))
  const groups = await Promise.all(names.map(open))
  await simulation.run(8_000)
  return [simulation, groups]
}

/** Counts from now on the runs of groups besides `main`. */
function countRuns(): () => number {
  const runs = vi.spyOn(ReplicaHost.prototype, 'evaluate')
  return () => (runs.mock.contexts as ReplicaHost[]).filter(({ group }) => group !== 0).length
}

/** Notes from now on what is sent in groups besides `main`. */
function watchMessages(): () => Message[] {
  const pushes = vi.spyOn(ConsensusFrames.prototype, 'push')
  return () => pushes.mock.calls.filter(([, group]) => group !== 0).map(([, , , message]) => message)
}

const increment = (group: KvGroup | undefined) => (group as KvGroup).applyConsistent('increment', { key: 'n' })

describe('what groups cost', () => {
  it('[GRP203] is nothing for one that is silent, and little for one that was just used', async () => {
    const [simulation, [group = []]] = await atRest(1, 1)
    const runs = countRuns()
    await simulation.run(10_000)
    expect(runs()).toBe(0)

    await simulation.until(increment(group[0]))
    await simulation.run(100)
    const before = runs()
    await simulation.run(2_500) // 25 ticks, of three peers
    expect(runs() - before).toBeLessThan(30)
    await simulation.run(2_500)
    expect(group.map((replica) => replica.status()?.quiesced)).toEqual([true, true, true])
  })

  it('[GRP204] has no heartbeats where a command wakes a group', async () => {
    const [simulation, [group = []]] = await atRest(1, 2)
    for (const replica of group) {
      const messages = watchMessages()
      await simulation.until(increment(replica), 50)
      await simulation.run(20)
      expect(messages().map(({ type }) => type)).not.toContain('heartbeat')
      expect(messages().length).toBeLessThan(10)
      await simulation.run(10_000)
      vi.restoreAllMocks()
    }
  })
})

describe('the loop of all groups', () => {
  function loopOf(names: readonly string[]) {
    const did: string[] = []
    const hosts = names.map((name) => ({
      epoch: 0,
      isIdle: false,
      traffic: { step: (message: unknown) => did.push(`${name} hears ${message}`) },
      tick: () => {
        did.push(`${name} ticks`)
        loop.schedule(hosts[names.indexOf(name)] as never)
      },
      evaluate: () => did.push(`${name} runs`),
    }))
    const runtime = { nowMs: () => 0, setTimer: () => expect.unreachable() } as never
    const finished = () => {
      did.push('all leaves')
      return []
    }
    const loop = new GroupLoop({ runtime, isPrompt: () => true, ran: () => {}, finished })
    const tell = (index: number, message: string) =>
      loop.tell(hosts[index] as never, { group: index, epoch: 0, message } as unknown as GroupMessage)
    return { loop, hosts: hosts as never[], did, tell }
  }

  it('[GRP202] has each hear all that was said to it and run once, one after the other', async () => {
    const { did, tell } = loopOf(['a', 'b'])
    tell(0, '1')
    tell(1, '2')
    tell(0, '3')
    expect(did).toEqual([])
    await Promise.resolve()
    expect(did).toEqual(['a hears 1', 'a hears 3', 'a runs', 'b hears 2', 'b runs', 'all leaves'])
  })

  it('[GRP202] has it hear what was said before its clock goes on, and run right after it', async () => {
    const { loop, did, tell } = loopOf(['a', 'b'])
    tell(0, '1')
    tell(1, '2')
    await Promise.resolve()
    did.length = 0
    tell(1, '3')
    loop.tick(1)
    await Promise.resolve()
    expect(did).toEqual(['a ticks', 'a runs', 'b hears 3', 'b ticks', 'b runs', 'all leaves'])
  })

  it('[GRP206] knows a crowd: none of more than 32 groups sends before it applies', async () => {
    const isCrowdOf = async (count: number) => {
      const seen = new Set<boolean>()
      const runtime = { nowMs: () => 0, setTimer: () => expect.unreachable() } as never
      const options = { runtime, isPrompt: () => true, ran: () => void seen.add(loop.isCrowded), finished: () => [] }
      const loop = new GroupLoop(options)
      const hosts = Array.from({ length: count }, () => ({ evaluate: () => {}, isIdle: true }))
      for (const host of hosts) loop.schedule(host as never)
      await Promise.resolve()
      return [...seen]
    }
    expect([await isCrowdOf(32), await isCrowdOf(33)]).toEqual([[false], [true]])
  })

  it('[GRP201] has a crowd wait for the answers of those that it told something, as long as its turn took', async () => {
    let nowMs = 0
    const waits: number[] = []
    const runtime = {
      nowMs: () => nowMs,
      setTimer: (delayMs: number) => {
        waits.push(delayMs)
        return { cancel: () => void waits.push(-delayMs) }
      },
    } as never
    const evaluate = () => {
      nowMs += 0.25
    }
    const finished = () => ['p', 'q'] as PeerId[]
    const loop = new GroupLoop({ runtime, isPrompt: () => true, ran: () => {}, finished })
    const hosts = Array.from({ length: 40 }, () => ({ evaluate, isIdle: true }))
    for (const host of hosts) loop.schedule(host as never)
    await Promise.resolve()
    loop.schedule(hosts[0] as never)
    expect(waits).toEqual([10])
    loop.heard('p' as PeerId)
    loop.heard('p' as PeerId)
    expect(waits).toEqual([10])
    loop.heard('q' as PeerId)
    expect(waits).toEqual([10, -10, 0])
  })

  it('[GRP208] lets time go by in steps for a crowd, but for those whose members may change', async () => {
    const runtime = { nowMs: () => 0, setTimer: () => expect.unreachable() } as never
    const loop = new GroupLoop({ runtime, isPrompt: () => true, ran: () => {}, finished: () => [] })
    const ticksOf = async (count: number) => {
      const heard: number[][] = []
      for (let i = 0; i < count; i++) {
        const ticks: number[] = []
        heard.push(ticks)
        const host = {
          epoch: 0,
          isIdle: false,
          isPatient: i > 0,
          evaluate: () => {},
          tick: (n: number) => ticks.push(n),
        }
        loop.schedule(host as never)
      }
      await Promise.resolve()
      for (let i = 0; i < 10; i++) loop.tick(1)
      return heard
    }
    const each = Array.from({ length: 10 }, () => 1)
    expect(await ticksOf(2)).toEqual([each, each])
    expect(await ticksOf(33)).toEqual([each, ...Array.from({ length: 32 }, () => [5, 5])])
  })

  it('[GRP207] has a crowd tell at once what is committed', () => {
    const did: string[] = []
    const runtime = { setTimer: (delayMs: number) => void did.push(`timer ${delayMs}`) } as never
    const heldCommits = new HeldCommits(runtime, () => 5)
    const replica = {
      heldCommit: 7,
      releaseCommit: (index: number) => did.push(`releases ${index}`),
      run: () => did.push('runs'),
    }
    heldCommits.ran({ replica } as never, true)
    expect(did).toEqual(['releases 7', 'runs'])
    heldCommits.ran({ replica } as never, false)
    expect(did).toEqual(['releases 7', 'runs', 'timer 5'])
  })

  it('[GRP202] tells nobody what was said in another epoch, or to one that was removed', async () => {
    const { loop, hosts, did, tell } = loopOf(['a', 'b'])
    loop.tell(hosts[0] as never, { group: 0, epoch: 7, message: 'old' } as unknown as GroupMessage)
    tell(1, '1')
    loop.remove(hosts[1] as never)
    await Promise.resolve()
    expect(did).toEqual(['a runs', 'all leaves'])
  })
})

describe('a member that proposed', () => {
  it('[GRP205] waits for a commit only from the first of what it proposed on', () => {
    const progress = new Progress('b.1' as VoterId, 1, true, { maxInflightMessages: 1, maxInflightBytes: 1 })
    progress.hasProposed(5, 7)
    progress.hasProposed(8, 8)
    expect([4, 5, 8].map((commit) => progress.waitsFor(commit))).toEqual([false, true, true])
    progress.sentCommit = 8
    expect(progress.waitsFor(9)).toBe(false)
    progress.hasProposed(12, 12)
    expect([11, 12].map((commit) => progress.waitsFor(commit))).toEqual([false, true])
  })
})
