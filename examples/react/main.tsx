import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.js'

const settings = new URLSearchParams(location.search)
const cluster = settings.get('cluster') ?? 'react'
const signaling = settings.get('signaling') ?? 'ws://localhost:4455'

createRoot(document.body.appendChild(document.createElement('main'))).render(
  <StrictMode>
    <App cluster={cluster} signaling={signaling} />
  </StrictMode>,
)
