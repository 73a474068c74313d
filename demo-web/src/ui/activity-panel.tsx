import type { Activity } from '../activity.js'
import { Panel } from './panel.js'

const TIME = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})

export function ActivityPanel({ activity }: { readonly activity: readonly Activity[] }) {
  return (
    <Panel title="What happened" className="activity">
      {/* Not announced line by line: what concerns the reader stands below the seats. */}
      <ol className="activity-list" aria-label="What happened">
        {activity.map((entry) => (
          <Line key={entry.id} entry={entry} />
        ))}
      </ol>
    </Panel>
  )
}

function Line({ entry: { kind, at, text, latencyMs } }: { readonly entry: Activity }) {
  return (
    <li className="activity-line" data-testid="activity" data-kind={kind}>
      <time dateTime={at.toISOString()}>{TIME.format(at)}</time>
      <span className="activity-text">{text}</span>
      {latencyMs !== undefined && (
        <span className="latency" data-latency-ms={latencyMs}>
          {latencyMs === 0 ? 'at once' : inMs(latencyMs)}
        </span>
      )}
    </li>
  )
}

function inMs(latencyMs: number): string {
  return `${latencyMs < 100 ? latencyMs.toFixed(1) : Math.round(latencyMs)} ms`
}
