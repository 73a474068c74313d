import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { paths } from '../harness/paths.js'
import { expect, test } from '../harness/test.js'

test('[LEG15] importing any entry in Node touches no window, says nothing and starts nothing', async () => {
  const { exports } = JSON.parse(await readFile(`${paths.library}/package.json`, 'utf8'))
  for (const entry of Object.keys(exports)) {
    // There is no window, so touching it throws; and only a program that started nothing ends by itself.
    const program = `await import('legion-mesh${entry.slice(1)}')`
    const args = ['--input-type=module', '--eval', program]
    const output = await promisify(execFile)(process.execPath, args, { cwd: `${paths.root}/e2e`, timeout: 20_000 })
    expect(output, entry).toEqual({ stdout: '', stderr: '' })
  }
})

test('[LEG15] importing the entries that pages use in a worker touches no window and starts nothing', async ({
  cluster,
}) => {
  const { page } = await cluster.openLab()
  expect(await page.evaluate(() => lab.importInWorker())).toEqual({ exported: [true, true, true], used: [] })
})
