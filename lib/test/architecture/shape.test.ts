import { describe, expect, it } from 'vitest'
import { codeOf, filesBelow, type SourceFile } from './sources.js'

/** Lowest floor first: a module imports only from modules below it. */
const FLOORS = [
  'base',
  'codec',
  'raft',
  'storage',
  'transport',
  'signaling',
  'mesh',
  'messaging',
  'docs',
  'machines',
  'groups',
  'agreed',
] as const

/** Files outside of the folders, and the folders that stand above the facade. */
const TOP = [
  'metrics',
  'consensus-code',
  'browser-network',
  'browser-storage',
  'platform',
  'identity',
  'browser-platform',
  'options',
  'legion-types',
  'legion-parts',
  'legion',
  'index',
  'react',
  'testing',
  'node',
]

/** The only files that may touch the world. ARCHITECTURE.md says what each is for. */
const ADAPTERS = [
  'lib/src/base/system-runtime.ts',
  'lib/src/browser-platform.ts',
  'lib/src/legion-parts.ts', // asks once whether there is a browser at all
  'lib/src/base/system-compression.ts',
  'lib/src/signaling/browser-socket.ts',
  'lib/src/machines/world-traps.ts', // strict mode: watches who touches the world
  'lib/src/storage/indexeddb-storage.ts',
  'lib/src/signaling/system-crypto.ts',
  'lib/src/testing/simulated-runtime.ts', // lets microtasks run dry
]

/** Uses of the platform's globals. `document` and `window` are also words of this library: there only what pages do. */
const WORLD = new RegExp(
  [
    String.raw`(?<![.\w#])(setTimeout|setInterval|setImmediate|Date|performance|localStorage|navigator|crypto)\b(?!['?:])`,
    String.raw`\bnew (WebSocket|RTCPeerConnection|BroadcastChannel)\b`,
    String.raw`\bMath\.random\b`,
    String.raw`(?<![.\w#])(document|window)\.(addEventListener|visibilityState|hidden|body|head|location|querySelector)`,
  ].join('|'),
)

const sources = filesBelow('lib/src', ['.ts']).filter(({ path }) => !path.endsWith('.d.ts'))

function floorOf(path: string): number {
  const name = path.replace('lib/src/', '').split('/')[0]?.replace(/\.ts$/, '') ?? ''
  const floor = FLOORS.indexOf(name as (typeof FLOORS)[number])
  if (floor >= 0) return floor
  const above = TOP.indexOf(name)
  if (above < 0) throw new Error(`${path} is on no floor: add it to the list here and in ARCHITECTURE.md`)
  return FLOORS.length + above
}

function importsOf({ path, text }: SourceFile): string[] {
  const folder = path.split('/').slice(0, -1)
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']*)'/g)].map(([, target = '']) => {
    const parts = [...folder]
    for (const part of target.replace(/\.js$/, '.ts').split('/')) {
      if (part === '..') parts.pop()
      else if (part !== '.') parts.push(part)
    }
    return parts.join('/')
  })
}

describe('the sources', () => {
  it('[ARC1] import only from the same or lower floors', () => {
    const wrong = sources.flatMap((file) =>
      importsOf(file)
        .filter((target) => floorOf(target) > floorOf(file.path))
        .map((target) => `${file.path} imports ${target}`),
    )
    expect(wrong).toEqual([])
  })

  it('[ARC2] keep the Raft core free of everything but base', () => {
    const raft = sources.filter(({ path }) => path.startsWith('lib/src/raft/'))
    const outside = raft.flatMap((file) => importsOf(file)).filter((target) => !/^lib\/src\/(base|raft)\//.test(target))
    expect(outside).toEqual([])
    expect(raft.filter((file) => /\b(async|await|Promise|queueMicrotask)\b/.test(codeOf(file)))).toEqual([])
  })

  it('[ARC3] touch the world in adapters only', () => {
    const wrong = sources
      .filter(({ path }) => !ADAPTERS.includes(path) && !path.startsWith('lib/src/node/'))
      .flatMap((file) => {
        const lines = codeOf(file).split('\n')
        return lines.filter((line) => WORLD.test(line)).map((line) => `${file.path}: ${line.trim()}`)
      })
    expect(wrong).toEqual([])
  })

  it('[ARC4] stay below 500 lines a file', () => {
    const folders = ['lib', 'signaling-server', 'node-peer', 'demo-web', 'e2e', 'bench', 'examples', 'scripts']
    const long = folders
      .flatMap((folder) => filesBelow(folder, ['.ts', '.tsx', '.mjs', '.css']))
      .map(({ path, text }) => `${text.split('\n').length} ${path}`)
      .filter((line) => Number.parseInt(line, 10) > 501)
    expect(long).toEqual([])
  })

  it('[ARC5] leave nothing skipped, forced or untyped behind', () => {
    const forbidden = /\b(it|test|describe)\.(only|todo)\(|@ts-ignore|@ts-nocheck|\bas any\b(?! )/
    const here = 'lib/test/architecture/shape.test.ts'
    const wrong = ['lib', 'signaling-server', 'node-peer', 'demo-web', 'e2e', 'examples']
      .flatMap((folder) => filesBelow(folder, ['.ts', '.tsx']))
      .filter(({ path, text }) => path !== here && forbidden.test(text))
    expect(wrong.map(({ path }) => path)).toEqual([])
  })
})
