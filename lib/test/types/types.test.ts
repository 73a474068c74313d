import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const here = fileURLToPath(new URL('.', import.meta.url))
const compiler = (name: string) => fileURLToPath(new URL(`../../../node_modules/${name}/bin/tsc`, import.meta.url))

/** The compiler's complaints about the type tests in this folder. */
async function compile(name: string): Promise<{ version: string; output: string }> {
  const run = promisify(execFile)
  const { stdout: version } = await run(process.execPath, [compiler(name), '--version'])
  try {
    await run(process.execPath, [compiler(name), '-p', here, '--pretty', 'false'])
    return { version, output: '' }
  } catch (error) {
    return { version, output: String((error as { stdout?: string }).stdout || error) }
  }
}

it.each([
  ['typescript', /^Version 7\./],
  ['typescript-5.9', /^Version 5\.9\./],
])(
  '[MAC14] [LEG20] what should compile does, and what should not does not, with %s',
  { timeout: 120_000 },
  async (name, is) => {
    const { version, output } = await compile(name)
    expect(version).toMatch(is)
    expect(output).toBe('')
  },
)
