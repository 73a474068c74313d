import { type ReactNode, useId } from 'react'

interface PanelProps {
  readonly title: string
  readonly className: string
  /** Beside the title. */
  readonly aside?: ReactNode
  readonly children: ReactNode
}

export function Panel({ title, className, aside, children }: PanelProps) {
  const titleId = useId()
  return (
    <section className={`panel ${className}`} aria-labelledby={titleId}>
      <div className="panel-head">
        <h2 id={titleId}>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  )
}
