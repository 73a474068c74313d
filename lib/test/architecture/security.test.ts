import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from './sources.js'

const textOf = (file: string) => readFileSync(join(root, file), 'utf8')

describe('SECURITY.md', () => {
  it('[ARC30] names for each limit behaviours that SPEC.md has, and so tests', () => {
    const rows =
      textOf('SECURITY.md')
        .split('\n## Limits')[1]
        ?.match(/^\| (?!what|---).*\|$/gm) ?? []
    expect(rows.length).toBeGreaterThan(25)
    const specified = textOf('SPEC.md')
    for (const row of rows) {
      const ids =
        row
          .split('|')
          .at(-2)
          ?.match(/[A-Z]{3}\d+/g) ?? []
      expect(ids, row).not.toEqual([])
      for (const id of ids) expect(specified, row).toContain(`- **${id}**`)
    }
  })
})
