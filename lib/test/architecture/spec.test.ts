import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filesBelow, root } from './sources.js'

const specified = idsIn(readFileSync(join(root, 'SPEC.md'), 'utf8'), /^- \*\*([A-Z]{3}\d+)\*\*/gm)
const tested = [
  'lib/test',
  'lib/src/testing',
  'signaling-server/test',
  'node-peer',
  'demo-web',
  'e2e',
  'bench/test',
  'examples',
  'scripts',
]
  .flatMap((folder) => filesBelow(folder, ['.ts', '.mjs']))
  .flatMap(({ text }) => idsIn(text, /\[([A-Z]{3}\d+)\]/g))

function idsIn(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, id = '']) => id)
}

const missing = (wanted: readonly string[], present: readonly string[]) => {
  const there = new Set(present)
  return [...new Set(wanted)].filter((id) => !there.has(id)).sort()
}

describe('SPEC.md', () => {
  it('[ARC6] gives each id once', () => {
    expect(specified.filter((id, i) => specified.indexOf(id) !== i)).toEqual([])
  })

  it('[ARC7] has a test for every id', () => {
    expect(missing(specified, tested)).toEqual([])
  })

  it('[ARC8] has an id for every test', () => {
    expect(missing(tested, specified)).toEqual([])
  })
})
