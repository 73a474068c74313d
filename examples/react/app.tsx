import { LegionProvider, theatre, useConsistent, useDoc, useLegion, usePeers, useYjs } from './legion.js'

export interface AppProps {
  readonly cluster: string
  readonly signaling: string
}

/** Seats that are booked, notes that are shared, people who are here. */
export function App({ cluster, signaling }: AppProps) {
  return (
    <LegionProvider options={{ cluster, signaling, machine: theatre }} fallback={<p>Opening…</p>}>
      <People />
      <Seats />
      <Notes />
    </LegionProvider>
  )
}

function People() {
  const others = usePeers()
  return <p data-testid="people">{others.length} others</p>
}

function Seats() {
  const legion = useLegion()
  const taken = useConsistent(({ seats }) => Object.keys(seats).sort())
  if (taken === undefined) return <p>Waiting for the others…</p>
  return (
    <p>
      <output aria-label="taken">{taken.join(' ')}</output>
      {['1A', '1B'].map((seat) => (
        <button
          key={seat}
          type="button"
          disabled={taken.includes(seat)}
          onClick={() => void legion.applyConsistent('reserve', seat)}
        >
          {seat}
        </button>
      ))}
    </p>
  )
}

function Notes() {
  const notes = useDoc('notes')
  const text = useYjs(notes.y, (y) => y.getText('notes').toString())
  return (
    <p>
      <output aria-label="notes">{text}</output>
      <button type="button" onClick={() => notes.applyFast((y) => y.getText('notes').insert(0, '!'))}>
        Shout
      </button>
    </p>
  )
}
