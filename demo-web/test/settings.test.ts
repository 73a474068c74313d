import { describe, expect, it } from 'vitest'
import { addressWith, readSettings } from '../src/settings.js'

const page = (search: string, protocol = 'http:') => ({ search, protocol, hostname: '192.0.2.7' })

describe('readSettings', () => {
  it('[DEM3] reads the address of the page', () => {
    expect(
      readSettings(page('?cluster=opera&signaling=ws://a,wss://b&name=Ada%20L&secret=sesame&storage=indexeddb')),
    ).toEqual({
      cluster: 'opera',
      signaling: ['ws://a', 'wss://b'],
      secret: 'sesame',
      name: 'Ada L',
      isKept: true,
    })
  })

  it('[DEM3] finds the signaling server on the host of the page, port 4455', () => {
    expect(readSettings(page('?name=&secret='))).toEqual({
      cluster: 'theatre',
      signaling: ['ws://192.0.2.7:4455'],
      secret: undefined,
      name: undefined,
      isKept: false,
    })
    expect(readSettings(page('', 'https:')).signaling).toEqual(['wss://192.0.2.7:4455'])
  })

  it('[DEM7] finds the address of the page that keeps the seats, and of the one that does not', () => {
    const kept = addressWith(true, 'http://host/?cluster=opera#top')
    expect(kept).toBe('http://host/?cluster=opera&storage=indexeddb#top')
    expect(addressWith(false, kept)).toBe('http://host/?cluster=opera#top')
  })
})
