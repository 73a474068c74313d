import { describe, expect, it } from 'vitest'
import { readSettings } from '../src/settings.js'

const REQUIRED = ['--cluster', 'theatre', '--signaling', 'ws://a']

describe('readSettings', () => {
  it('[PEE1] reads the command line and the secret from the environment', () => {
    const args = [
      ...['--cluster', 'theatre', '--signaling', 'ws://a, wss://b', '--machine', './theatre.js', '--name', 'Box'],
      ...['--webrtc', 'roamhq', '--no-vote', '--recover', '--voters', '3', '--http', '0', '--metrics', '9464'],
      ...['--directory', './data', '--keep-documents', '--group', 'orders=./orders.js', '--group', 'stock=./a=b.js'],
    ]
    expect(readSettings(args, { LEGION_SECRET: 'sesame' })).toEqual({
      cluster: 'theatre',
      signaling: ['ws://a', 'wss://b'],
      secret: 'sesame',
      machine: './theatre.js',
      name: 'Box',
      webrtc: '@roamhq/wrtc',
      canVote: false,
      recover: true,
      voters: 3,
      httpPort: 0,
      metricsPort: 9464,
      directory: './data',
      keepsDocuments: true,
      groups: [
        { name: 'orders', machine: './orders.js' },
        { name: 'stock', machine: './a=b.js' },
      ],
    })
    expect(readSettings(REQUIRED, {})).toMatchObject({
      secret: undefined,
      canVote: true,
      recover: false,
      voters: undefined,
      keepsDocuments: false,
      groups: [],
    })
    expect(readSettings(['--help'], {})).toBeUndefined()
  })

  it.each([
    ['--cluster', ['--signaling', 'ws://a']],
    ['--signaling', ['--cluster', 'theatre']],
    ['http://a', ['--cluster', 'theatre', '--signaling', 'ws://b,http://a']],
    ['--webrtc', [...REQUIRED, '--webrtc', 'wrtc']],
    ['--voters', [...REQUIRED, '--voters', 'all']],
    ['--http', [...REQUIRED, '--http', '-1']],
    ['--metrics', [...REQUIRED, '--metrics', 'yes']],
    ['--directory', [...REQUIRED, '--directory', '']],
    ['NAME=FILE', [...REQUIRED, '--group', 'orders']],
    ["'orders' twice", [...REQUIRED, '--group', 'orders=a.js', '--group', 'orders=b.js']],
    ['--machine is for', [...REQUIRED, '--group', 'main=a.js']],
    ['--bogus', [...REQUIRED, '--bogus']],
  ])('[PEE1] says what is wrong with %s', (problem, args) => {
    expect(() => readSettings(args, {})).toThrow(problem)
  })
})
