import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { yCollab } from 'y-codemirror.next'
import { openLegion } from './open-legion.js'

// Plain text in CodeMirror 6. The binding gets the document and its awareness, and knows nothing of Legion.
const { y, awareness } = openLegion().doc('text')
const text = y.getText('codemirror')
awareness.setLocalStateField('user', { name: 'somebody', color: '#d06000', colorLight: '#d0600033' })

new EditorView({
  parent: document.body,
  state: EditorState.create({ doc: text.toString(), extensions: [yCollab(text, awareness)] }),
})
