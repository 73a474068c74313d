import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { Conversation } from '../../src/signaling/conversation.js'
import type { SealedSignal } from '../../src/signaling/sealed-signal.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import { bytes } from './harness.js'

let clock: SimulatedClock
let seed = 0

beforeEach(() => {
  clock = new SimulatedClock()
})

/** One end of a conversation, and all that came out of it. */
class End {
  readonly said: SealedSignal[] = []
  readonly heard: string[] = []
  dropped = 0
  #conversation = new Conversation(clock.fork(++seed))

  say(text: string): void {
    this.said.push(...this.#conversation.say(bytes(text)))
  }

  greet(): void {
    this.said.push(...this.#conversation.greet())
  }

  hear(signal: SealedSignal): void {
    const { payload, problem, replies } = this.#conversation.hear(signal)
    if (payload !== undefined) this.heard.push(new TextDecoder().decode(payload))
    if (problem !== undefined) this.dropped++
    this.said.push(...replies)
  }

  /** Its process ends and another one begins, or the other side learns that it did. */
  forget(): void {
    this.#conversation = new Conversation(clock.fork(++seed))
  }
}

/** Delivers all that either says, at once and in order. @returns all that was said, as a server would have recorded it */
function talk(a: End, b: End): { ofA: SealedSignal[]; ofB: SealedSignal[] } {
  const record: { ofA: SealedSignal[]; ofB: SealedSignal[] } = { ofA: [], ofB: [] }
  while (a.said.length + b.said.length > 0) {
    const [ofA, ofB] = [a.said.splice(0), b.said.splice(0)]
    for (const signal of ofA) b.hear(signal)
    for (const signal of ofB) a.hear(signal)
    record.ofA.push(...ofA)
    record.ofB.push(...ofB)
  }
  return record
}

describe('a conversation', () => {
  it('[SGC30] passes what is said in order, both ways; who was greeted says it without a round trip', () => {
    const [a, b] = [new End(), new End()]
    b.greet()
    const greeting = b.said.splice(0)
    for (const signal of greeting) a.hear(signal)
    a.say('offer')
    a.say('candidate')
    expect(a.said.map(({ kind }) => kind)).toEqual(['data', 'data'])
    talk(a, b)
    b.say('answer')
    expect(b.said.map(({ kind }) => kind)).toEqual(['data']) // the offer brought a ticket
    talk(a, b)
    expect([a.heard, b.heard]).toEqual([['answer'], ['offer', 'candidate']])
    expect([a.dropped, b.dropped]).toEqual([0, 0])
  })

  it('[SGC30] asks for a ticket where it has none; what waits for it is bounded, the latest stays', () => {
    const [a, b] = [new End(), new End()]
    for (let i = 0; i < 80; i++) a.say(`${i}`)
    expect(a.said.map(({ kind }) => kind)).toEqual(['asks'])
    talk(a, b)
    expect(b.heard).toEqual(Array.from({ length: 64 }, (_, i) => `${i + 16}`))
  })

  it('[SGC30] asks again after a second if nothing came', async () => {
    const a = new End()
    a.say('1')
    a.say('2')
    await clock.run(1_000)
    a.say('3')
    expect(a.said.map(({ kind }) => kind)).toEqual(['asks', 'asks'])
  })

  it('[SGC31] hears nothing twice, nor what something later has overtaken', () => {
    const [a, b] = [new End(), new End()]
    a.say('1')
    talk(a, b)
    a.say('2')
    a.say('3')
    const [second, third] = a.said.splice(0) as [SealedSignal, SealedSignal]
    for (const signal of [third, second, third, second]) b.hear(signal)
    expect(b.heard).toEqual(['1', '3'])
    expect(b.dropped).toBe(3)
  })

  it('[SGC31] hears nothing of what was recorded before it forgot: a later process, or one of a later process', () => {
    const [a, b] = [new End(), new End()]
    a.say('offer')
    const { ofA } = talk(a, b)
    b.forget()
    for (const signal of ofA) b.hear(signal)
    expect(b.heard).toEqual(['offer'])
    expect(b.dropped).toBe(1)
  })

  it('[SGC31] a later process of the sender is heard at once, though it counts from one', () => {
    const [a, b] = [new End(), new End()]
    for (const text of ['1', '2', '3']) a.say(text)
    talk(a, b)
    a.forget()
    b.forget() // the server says that it is there again
    a.say('4')
    talk(a, b)
    expect(b.heard).toEqual(['1', '2', '3', '4'])
  })

  it('[SGC32] a later process that nobody announced is heard too: who asks gets a new ticket', async () => {
    const [a, b] = [new End(), new End()]
    for (const text of ['1', '2', '3']) a.say(text)
    const { ofA } = talk(a, b)
    a.forget()
    await clock.run(1_000)
    a.say('4')
    talk(a, b)
    expect(b.heard).toEqual(['1', '2', '3', '4'])
    for (const signal of ofA) b.hear(signal)
    expect(b.heard).toEqual(['1', '2', '3', '4'])
  })

  it('[SGC32] a greeting that is played again costs what is said with it, and heals', async () => {
    const [a, b] = [new End(), new End()]
    a.say('1')
    const old = talk(a, b).ofB.find(({ kind }) => kind === 'greeting') as SealedSignal
    b.forget()
    b.greet()
    talk(a, b)
    a.hear(old)
    await clock.run(1_000)
    a.say('lost')
    talk(a, b)
    a.say('2')
    talk(a, b)
    expect(b.heard).toEqual(['1', '2'])
  })

  it('[SGC32] whatever is played again, greetings come no faster than four a second', async () => {
    const [a, b] = [new End(), new End()]
    a.say('1')
    const { ofA } = talk(a, b)
    b.forget()
    for (let i = 0; i < 100; i++) {
      for (const signal of ofA) b.hear(signal)
      await clock.run(10)
    }
    expect(b.said.length).toBeLessThanOrEqual(5)
  })

  it('[SGC31] whatever a server plays, when, how often and to which process: nothing counts twice', async () => {
    const step = fc.oneof(
      fc.record({ what: fc.constant('say' as const), of: fc.nat(1) }),
      fc.record({ what: fc.constant('play' as const), of: fc.nat(1), which: fc.nat(40) }),
      fc.record({ what: fc.constant('pass' as const), of: fc.nat(1) }),
      fc.record({ what: fc.constant('forget' as const), of: fc.nat(1) }),
      fc.record({ what: fc.constant('wait' as const), of: fc.nat(1) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        clock = new SimulatedClock()
        const ends = [new End(), new End()] as const
        const recorded: [SealedSignal[], SealedSignal[]] = [[], []]
        let count = 0
        for (const one of steps) {
          const [end, other] = one.of === 0 ? ends : [ends[1], ends[0]]
          const tape = recorded[one.of as 0 | 1]
          if (one.what === 'say') end.say(`${count++}`)
          if (one.what === 'forget') end.forget()
          if (one.what === 'wait') await clock.run(500)
          if (one.what === 'play' && tape.length > 0) other.hear(tape[one.which % tape.length] as SealedSignal)
          const fresh = end.said.splice(0)
          tape.push(...fresh)
          if (one.what === 'pass') for (const signal of fresh) other.hear(signal)
        }
        for (const { heard } of ends) expect(new Set(heard).size).toBe(heard.length)
      }),
      { numRuns: 500, seed: 31 },
    )
  })

  it('[SGC32] after any of that, an honest server makes them hear each other within two tries', async () => {
    const play = fc.array(fc.tuple(fc.nat(1), fc.nat(60), fc.boolean()), { maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(play, async (plays) => {
        clock = new SimulatedClock()
        const [a, b] = [new End(), new End()]
        const tapes = [[], []] as [SealedSignal[], SealedSignal[]]
        for (const [side, which, forgets] of plays) {
          const [end, other] = side === 0 ? [a, b] : [b, a]
          if (forgets) end.forget()
          end.say('x')
          const tape = tapes[side as 0 | 1]
          tape.push(...end.said.splice(0))
          other.hear(tape[which % tape.length] as SealedSignal)
        }
        for (const text of ['first', 'second']) {
          await clock.run(2_000)
          for (const end of [a, b]) end.say(text)
          talk(a, b)
        }
        expect(a.heard.at(-1)).toBe('second')
        expect(b.heard.at(-1)).toBe('second')
      }),
      { numRuns: 300, seed: 32 },
    )
  })
})
