import { expect, it, vi } from 'vitest'
import { levelStorage } from '../../src/node/level-storage.js'
import { temporaryDirectory } from './adapters.js'

vi.mock('classic-level', () => {
  throw new Error('Cannot find package')
})

it('[STO29] without classic-level there is no storage in Node, and the error tells the command', async () => {
  await expect(levelStorage(await temporaryDirectory()).open('store')).rejects.toMatchObject({
    code: 'E_UNSUPPORTED',
    message: expect.stringContaining('npm install classic-level'),
  })
})
