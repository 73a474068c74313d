#!/usr/bin/env node
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Authorize } from './authorizer.js'
import { messageOf } from './log.js'
import { createSignalingServer, type SignalingServer } from './server.js'
import { readSettings, type Settings, USAGE } from './settings.js'

async function loadAuthorize(path: string | undefined): Promise<Authorize | undefined> {
  if (path === undefined) return undefined
  const { authorize } = await import(pathToFileURL(resolve(path)).href)
  if (typeof authorize !== 'function') throw new Error(`${path} exports no function 'authorize'`)
  return authorize
}

/** Once asked to end it drains; asked again it ends. */
function closeOnSignals(server: SignalingServer, drainMs: number): void {
  let isAsked = false
  const end = async () => {
    if (isAsked) process.exit(1)
    isAsked = true
    await server.close({ drainMs })
    process.exit(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void end())
}

async function run({ port, host, drainMs, authorize, options }: Settings): Promise<void> {
  const server = createSignalingServer({ ...options, authorize: await loadAuthorize(authorize) })
  closeOnSignals(server, drainMs)
  await server.listen(port, host)
  console.log(`legion-signaling listens on ${server.url}`)
}

function fail(message: string, exitCode: number): never {
  console.error(`legion-signaling: ${message}`)
  process.exit(exitCode)
}

try {
  const settings = readSettings(process.argv.slice(2), process.env)
  if (settings === undefined) console.log(USAGE)
  else run(settings).catch((error) => fail(`cannot start: ${messageOf(error)}`, 1))
} catch (error) {
  fail(messageOf(error), 2)
}
