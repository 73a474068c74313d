import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { helloOf } from './fake-client.js'
import { RawClient } from './raw-client.js'

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url))

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [CLI, '--port', '0', '--host', '127.0.0.1', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
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

  it('[SIG23] asks a module about every hello, logs as JSON, and lets sockets go one by one', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'legion-signaling-'))
    const authorize = join(directory, 'authorize.mjs')
    writeFileSync(
      authorize,
      `export const authorize = ({ credential }) => credential === 'open' ? { name: 'ann' } : { refused: 'closed' }`,
    )
    const turn = ['--turn-url', 'turn:localhost:3478', '--turn-secret', 'north']
    const args = ['--authorize', authorize, ...turn, '--drain-ms', '50', '--log-level', 'debug']
    const cli = start(...args)
    let log = ''
    cli.stderr?.on('data', (data) => {
      log += data
    })
    const url = await urlOf(cli)
    const [welcome, refused] = [await RawClient.open(url), await RawClient.open(url)]
    welcome.send({ ...helloOf('a'), credential: 'open' })
    expect(await welcome.next()).toMatchObject({ iceServers: [{ username: expect.stringMatching(/^\d+:ann$/) }] })
    refused.send({ ...helloOf('b'), credential: 'shut' })
    expect(await refused.next()).toEqual({ type: 'error', code: 'unauthorized' })
    const exited = once(cli, 'exit')
    cli.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
    const events = log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).event)
    expect(events).toEqual(['listening', 'hello', 'unauthorized', 'dismissed', 'closing'])
    rmSync(directory, { recursive: true })
  })

  it('[SIG23] says what is wrong with its arguments', async () => {
    const mistakes = [
      ['--port', 'x'],
      ['--ice', '[{}]'],
      ['--limit', 'toString=1'],
      ['--turn-url', 'http://localhost'],
      ['--turn-url', 'turn:localhost'],
      ['--redis', 'localhost'],
      ['--log-level', 'loud'],
      ['--bogus'],
    ]
    const failures = await Promise.all(mistakes.map((args) => fails(...args)))
    for (const [i, failure] of failures.entries()) {
      expect(failure).toMatchObject({ code: 2, stderr: expect.stringContaining(mistakes[i]?.[0] ?? '') })
    }
  })
})
