import { describe, expect, it } from 'vitest'
import { Environment } from './environment.js'
import { readScripts, type Stanza, scriptsAvailable } from './script.js'

/** Scripts for what was left out on purpose. */
const LEFT_OUT = new Map([
  [
    'async_storage_writes.txt',
    'no storage threads in the core: the owner writes between ready() and advance(), and may step messages meanwhile',
  ],
  [
    'confchange_disable_validation.txt',
    'no switch to propose changes unchecked: a refusal is typed and reported, nothing is replaced silently',
  ],
  ['forget_leader_read_only_lease_based.txt', 'no reads by lease: they trust clocks'],
])

describe.skipIf(!scriptsAvailable)('interaction scripts of etcd', () => {
  for (const [file, stanzas] of readScripts('interaction')) {
    const reason = LEFT_OUT.get(file)
    if (reason !== undefined) it.skip(`${file} (left out: ${reason})`, () => {})
    else it(`[RFT3] ${file}: all ${stanzas.length} stanzas equal`, () => runScript(stanzas))
  }
})

function runScript(stanzas: readonly Stanza[]): void {
  const environment = new Environment()
  for (const stanza of stanzas) {
    const output = environment.run(stanza)
    expect(output, `line ${stanza.line}: ${stanza.command}`).toBe(withoutLog(stanza.expected))
  }
}

/** The wording of the original's log is its own. */
function withoutLog(expected: string): string {
  const lines = expected.split('\n').filter((line) => !/^\s*(DEBUG|INFO|WARN|ERROR) /.test(line))
  return lines.length === 0 ? 'ok' : lines.join('\n')
}
