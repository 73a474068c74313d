import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { loadMachine } from '../src/load-machine.js'

const fixture = (name: string) => fileURLToPath(new URL(`./machines/${name}`, import.meta.url))

describe('loadMachine', () => {
  it.each(['lights.mjs', 'named.mjs', 'default.mjs'])('[PEE2] takes the machine of %s', async (file) => {
    expect((await loadMachine(fixture(file))).name).toBe('lights')
  })

  it('[PEE2] says what is wrong with a module, and with which', async () => {
    await expect(loadMachine(fixture('none.mjs'))).rejects.toThrow(/none\.mjs exports no machine/)
    await expect(loadMachine(fixture('several.mjs'))).rejects.toThrow(/several machines \(kv, lights\)/)
    await expect(loadMachine(fixture('broken.mjs'))).rejects.toThrow(/broken\.mjs: the house is dark/)
    await expect(loadMachine(fixture('missing.mjs'))).rejects.toThrow(/cannot load the machine .*missing\.mjs/)
  })
})
