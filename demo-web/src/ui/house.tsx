import { type KeyboardEvent, type ReactNode, useState } from 'react'
import type { Holder } from '../holders.js'
import type { Notice, Phase } from '../session.js'
import { ROWS, SEATS_PER_ROW, seatName } from '../theatre.js'
import { Panel } from './panel.js'
import { Seat } from './seat.js'

interface HouseProps {
  readonly phase: Phase
  readonly holders: ReadonlyMap<string, Holder> | undefined
  readonly pending: ReadonlySet<string>
  readonly notice: Notice | undefined
  readonly onChoose: (seat: string) => void
  /** Stands beside the title. */
  readonly children: ReactNode
}

const CHOOSE = 'Choose a seat. Your own you can give back.'
const HINTS: Readonly<Record<Phase, string>> = {
  connecting: 'Looking for the cluster.',
  joining: 'Others are here. Waiting for what they agreed on.',
  ready: CHOOSE,
  'no-quorum': CHOOSE,
  outdated: 'What was booked before the others moved on. Reload to book.',
  failed: 'Seats can’t be booked in this tab any more.',
}

const NUMBERS = Array.from({ length: SEATS_PER_ROW }, (_, index) => index + 1)
const FIRST_SEAT = seatName(ROWS[0], 1)

/** The seats. One of them is in the order of tabs, the arrow keys go on from there. */
export function House({ phase, holders, pending, notice, onChoose, children }: HouseProps) {
  const [current, setCurrent] = useState(FIRST_SEAT)
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const next = neighbour(current, event.key)
    if (next === undefined) return
    event.preventDefault()
    event.currentTarget.querySelector<HTMLElement>(`[data-seat="${next}"]`)?.focus()
  }
  const aside = (
    <div className="house-aside">
      <FreeCount holders={holders} />
      {children}
    </div>
  )
  return (
    <Panel title="Seats" className="house" aside={aside}>
      <div className="curtain" aria-hidden="true">
        stage
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the keys come from the buttons inside */}
      <div className="seats" onKeyDown={onKeyDown}>
        {ROWS.map((row) => (
          <div key={row} className="row">
            <span className="row-name" aria-hidden="true">
              {row}
            </span>
            {NUMBERS.map((number) => seatName(row, number)).map((seat) => (
              <Seat
                key={seat}
                name={seat}
                holder={holders?.get(seat)}
                isKnown={holders !== undefined}
                isPending={pending.has(seat)}
                isCurrent={seat === current}
                onFocus={setCurrent}
                onChoose={onChoose}
              />
            ))}
          </div>
        ))}
      </div>
      <Outcome notice={notice} hint={HINTS[phase]} />
    </Panel>
  )
}

function FreeCount({ holders }: Pick<HouseProps, 'holders'>) {
  if (holders === undefined) return <span className="aside">not here yet</span>
  return (
    <span className="aside" data-testid="free-seats">
      {ROWS.length * SEATS_PER_ROW - holders.size} free
    </span>
  )
}

/** What came of the last click; there from the start, so that screen readers notice its change. */
function Outcome({ notice, hint }: { readonly notice: Notice | undefined; readonly hint: string }) {
  return (
    <p className="outcome" role="status" data-testid="outcome" data-tone={notice?.tone} data-code={notice?.code}>
      {notice === undefined ? hint : <NoticeText notice={notice} />}
    </p>
  )
}

function NoticeText({ notice: { code, text } }: { readonly notice: Notice }) {
  return (
    <>
      {code !== undefined && <code>{code}</code>} {text}
    </>
  )
}

const STEPS: ReadonlyMap<string, readonly [rows: number, seats: number]> = new Map([
  ['ArrowLeft', [0, -1]],
  ['ArrowRight', [0, 1]],
  ['ArrowUp', [-1, 0]],
  ['ArrowDown', [1, 0]],
  ['Home', [0, -SEATS_PER_ROW]],
  ['End', [0, SEATS_PER_ROW]],
])

/** The seat that a key leads to, or undefined for keys that lead nowhere. */
function neighbour(seat: string, key: string): string | undefined {
  const step = STEPS.get(key)
  if (step === undefined) return undefined
  const row = ROWS.findIndex((name) => seat.startsWith(name)) + step[0]
  const number = Number(seat.slice(1)) + step[1]
  return seatName(ROWS[clamp(row, 0, ROWS.length - 1)] ?? ROWS[0], clamp(number, 1, SEATS_PER_ROW))
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value))
}
