import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { helloOf } from './fake-client.js'
import { RawClient } from './raw-client.js'

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url))

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [CLI, '--port', '0', '--host', '127.0.0.1', ...args], { stdio: ['ignore', 'pipe', 2] })
}

async function urlOf(cli: ChildProcess): Promise<string> {
  const [output] = await once(cli.stdout ?? cli, 'data')
  return /ws:\/\/\S+/.exec(String(output))?.[0] ?? ''
}

function fails(...args: string[]): Promise<{ code: number; stderr: string }> {
  return promisify(execFile)(process.execPath, [CLI, ...args]).then(
    () => ({ code: 0, stderr: '' }),
    (error) => ({ code: error.code, stderr: error.stderr }),
  )
}

describe.skipIf(!existsSync(CLI))('legion-signaling (needs `npm run build`)', { timeout: 60_000 }, () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('[SIG23] prints its URL, serves, and ends cleanly on %s', async (signal) => {
    const iceServers = [{ urls: ['stun:stun.example.org'] }]
    const cli = start('--ice', JSON.stringify(iceServers), '--limit', 'membersPerRoom=1', '--warmup-ms', '0')
    const url = await urlOf(cli)
    const [first, second] = [await RawClient.open(url), await RawClient.open(url)]
    first.send(helloOf('a'))
    expect(await first.next()).toMatchObject({ type: 'welcome', iceServers })
    second.send(helloOf('b'))
    expect(await second.next()).toEqual({ type: 'error', code: 'room-full' })
    const exited = once(cli, 'exit')
    cli.kill(signal)
    expect(await exited).toEqual([0, null])
    expect(await first.closed).toBe(1001)
  })

  it('[SIG23] says what is wrong with its arguments', async () => {
    const mistakes = [['--port', 'x'], ['--ice', '[{}]'], ['--limit', 'toString=1'], ['--bogus']]
    const failures = await Promise.all(mistakes.map((args) => fails(...args)))
    for (const [i, failure] of failures.entries()) {
      expect(failure).toMatchObject({ code: 2, stderr: expect.stringContaining(mistakes[i]?.[0] ?? '') })
    }
  })
})
