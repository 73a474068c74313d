import { expect, it } from 'vitest'
import { main } from '../replicated-counter/main.js'

it('[RFT240] the replicated counter counts the same everywhere, also after its leader is gone', () => {
  const lines: string[] = []
  main((line) => lines.push(line))
  expect(lines.slice(0, 4).map((line) => line.replace(/ann|bob|cem/, 'x'))).toEqual([
    'x reads 21',
    'x reads 21',
    'x reads 21',
    'the leader is gone',
  ])
  expect(lines.slice(4).map((line) => line.replace(/ann|bob|cem/, 'x'))).toEqual(['x reads 41', 'x reads 41'])
})
