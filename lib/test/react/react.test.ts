import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { describe, expect, it } from 'vitest'
import type { kv } from '../../src/machines/kv.js'
import { createLegionReact } from '../../src/react/index.js'

const { LegionProvider, useLegion } = createLegionReact<typeof kv>()

function Inside() {
  return createElement('p', null, useLegion().self.id)
}

describe('React', () => {
  it('[RCT4] renders the fallback on a server, and opens nothing', () => {
    const options = { cluster: 'c', signaling: 'ws://nowhere' }
    const provider = createElement(LegionProvider, { options, fallback: 'wait' }, createElement(Inside))
    expect(renderToString(provider)).toBe('wait')
  })

  it('[RCT5] says that a provider is missing', () => {
    expect(() => renderToString(createElement(Inside))).toThrow('There is no LegionProvider above this component.')
  })
})
