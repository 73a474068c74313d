import { baseKeymap, toggleMark } from 'prosemirror-commands'
import { keymap } from 'prosemirror-keymap'
import { schema } from 'prosemirror-schema-basic'
import { EditorState } from 'prosemirror-state'
import { EditorView } from 'prosemirror-view'
import 'prosemirror-view/style/prosemirror.css'
import { redo, undo, yCursorPlugin, ySyncPlugin, yUndoPlugin } from 'y-prosemirror'
import { openLegion } from './open-legion.js'

// Rich text in ProseMirror. The plugins get the document and its awareness, and know nothing of Legion.
const { y, awareness } = openLegion().doc('text')
awareness.setLocalStateField('user', { name: 'somebody', color: '#0060d0' })

new EditorView(document.body, {
  state: EditorState.create({
    schema,
    plugins: [
      ySyncPlugin(y.getXmlFragment('prosemirror')),
      yCursorPlugin(awareness),
      yUndoPlugin(),
      keymap({ 'Mod-z': undo, 'Mod-y': redo, 'Mod-b': toggleMark(schema.marks.strong) }),
      keymap(baseKeymap),
    ],
  }),
})
