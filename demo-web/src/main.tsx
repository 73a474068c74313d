import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { nameOfTab } from './identity.js'
import { readSettings } from './settings.js'
import { App } from './ui/app.js'
import './ui/theme.css'
import './ui/layout.css'
import './ui/parts.css'

const settings = readSettings(location)
const name = settings.name ?? nameOfTab()
const root = document.getElementById('root')
if (root === null) throw new Error('The page has no #root.')
createRoot(root).render(
  <StrictMode>
    <App settings={settings} name={name} />
  </StrictMode>,
)

// A page that comes back from the back/forward cache said goodbye when it went there: its peer is gone for good.
addEventListener('pageshow', (event) => event.persisted && location.reload())
