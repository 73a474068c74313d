import { EditorView, keymap, placeholder } from '@codemirror/view'
import type { LegionDocument } from 'legion-mesh'
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next'
import { UndoManager } from 'yjs'

/** An editor of the document's notes, with the cursors of everybody who has them open. */
export function createEditor(parent: HTMLElement, { y, awareness }: LegionDocument): EditorView {
  const text = y.getText('notes')
  return new EditorView({
    parent,
    doc: text.toString(),
    extensions: [
      keymap.of(yUndoManagerKeymap),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ 'aria-label': 'Notes', spellcheck: 'true' }),
      placeholder('Write something. Everybody sees it at once.'),
      yCollab(text, awareness, { undoManager: new UndoManager(text) }),
    ],
  })
}
