import { describe, expect, it } from 'vitest'
import { readSettings } from '../src/settings.js'

const REQUIRED = ['--cluster', 'theatre', '--signaling', 'ws://a']

describe('readSettings', () => {
  it('[PEE1] reads the command line and the secret from the environment', () => {
    const args = [
      ...['--cluster', 'theatre', '--signaling', 'ws://a, wss://b', '--machine', './theatre.js', '--name', 'Box'],
      ...['--webrtc', 'roamhq', '--no-vote', '--voters', '3', '--http', '0'],
    ]
    expect(readSettings(args, { LEGION_SECRET: 'sesame' })).toEqual({
      cluster: 'theatre',
      signaling: ['ws://a', 'wss://b'],
      secret: 'sesame',
      machine: './theatre.js',
      name: 'Box',
      webrtc: '@roamhq/wrtc',
      canVote: false,
      voters: 3,
      httpPort: 0,
    })
    expect(readSettings(REQUIRED, {})).toMatchObject({ secret: undefined, canVote: true, voters: undefined })
    expect(readSettings(['--help'], {})).toBeUndefined()
  })

  it.each([
    ['--cluster', ['--signaling', 'ws://a']],
    ['--signaling', ['--cluster', 'theatre']],
    ['http://a', ['--cluster', 'theatre', '--signaling', 'ws://b,http://a']],
    ['--webrtc', [...REQUIRED, '--webrtc', 'wrtc']],
    ['--voters', [...REQUIRED, '--voters', 'all']],
    ['--http', [...REQUIRED, '--http', '-1']],
    ['--bogus', [...REQUIRED, '--bogus']],
  ])('[PEE1] says what is wrong with %s', (problem, args) => {
    expect(() => readSettings(args, {})).toThrow(problem)
  })
})
