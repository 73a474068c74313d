import { createElement, StrictMode } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { App } from '../../examples/react/app.js'

/** The React example, mounted and unmounted by the test through `globalThis.app`. */
class MountedApp {
  readonly #root: Root = createRoot(document.body.appendChild(document.createElement('main')))

  mount(): void {
    const settings = new URLSearchParams(location.search)
    const [cluster, signaling] = [settings.get('cluster') ?? '', settings.get('signaling') ?? '']
    this.#root.render(createElement(StrictMode, null, createElement(App, { cluster, signaling })))
  }

  unmount(): void {
    this.#root.render(null)
  }
}

declare global {
  var app: MountedApp
}

globalThis.app = new MountedApp()
app.mount()
