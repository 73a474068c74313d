#!/usr/bin/env node
import { LegionError } from 'legion-mesh'
import { logToStdout } from './log.js'
import { Peer } from './peer.js'
import { readSettings, USAGE } from './settings.js'

const EXIT_USAGE = 2

let peer: Peer | undefined
let isStopping = false

try {
  const settings = readSettings(process.argv.slice(2), process.env)
  if (settings === undefined) {
    console.log(USAGE)
    process.exit()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop())
  run(settings).catch((error) => isStopping || fail(error, 1))
} catch (error) {
  fail(error, EXIT_USAGE)
}

async function run(settings: NonNullable<ReturnType<typeof readSettings>>): Promise<void> {
  peer = await Peer.open(settings, logToStdout)
  try {
    await peer.ready()
    await peer.failed
  } catch (error) {
    if (!isStopping) await peer.close()
    throw error
  }
}

/** The first signal lets the peer hand over, the second ends it at once. */
async function stop(): Promise<void> {
  if (isStopping) process.exit(1)
  isStopping = true
  await peer?.close()
  process.exit(0)
}

function fail(error: unknown, exitCode: number): never {
  const code = LegionError.is(error) ? `${error.code}: ` : ''
  console.error(`legion-peer: ${code}${error instanceof Error ? error.message : String(error)}`)
  process.exit(exitCode)
}
