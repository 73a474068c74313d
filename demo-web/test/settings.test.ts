import { describe, expect, it } from 'vitest'
import { readSettings } from '../src/settings.js'

const page = (search: string, protocol = 'http:') => ({ search, protocol, hostname: '192.0.2.7' })

describe('readSettings', () => {
  it('[DEM3] reads the address of the page', () => {
    expect(readSettings(page('?cluster=opera&signaling=ws://a,wss://b&name=Ada%20L&secret=sesame'))).toEqual({
      cluster: 'opera',
      signaling: ['ws://a', 'wss://b'],
      secret: 'sesame',
      name: 'Ada L',
    })
  })

  it('[DEM3] finds the signaling server on the host of the page, port 4455', () => {
    expect(readSettings(page('?name=&secret='))).toEqual({
      cluster: 'theatre',
      signaling: ['ws://192.0.2.7:4455'],
      secret: undefined,
      name: undefined,
    })
    expect(readSettings(page('', 'https:')).signaling).toEqual(['wss://192.0.2.7:4455'])
  })
})
