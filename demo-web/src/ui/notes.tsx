import type { LegionDocument } from 'legion-mesh'
import { useEffect, useRef } from 'react'
import { createEditor } from '../editor.js'
import { Panel } from './panel.js'

const STATUSES: Readonly<Record<LegionDocument['status'], string>> = {
  alone: 'nobody else has them open',
  syncing: 'syncing',
  synced: 'in sync',
  loading: 'loading',
}

interface NotesProps {
  readonly document: LegionDocument
  readonly status: LegionDocument['status']
}

export function Notes({ document, status }: NotesProps) {
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (place.current === null) return
    const editor = createEditor(place.current, document)
    return () => editor.destroy()
  }, [document])
  const aside = (
    <span className="aside" data-testid="notes-status" data-state={status}>
      {STATUSES[status]}
    </span>
  )
  return (
    <Panel title="Notes" className="notes" aside={aside}>
      <div className="editor" ref={place} />
    </Panel>
  )
}
