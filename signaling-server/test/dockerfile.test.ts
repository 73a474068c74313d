import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const lines = readFileSync(`${ROOT}/signaling-server/Dockerfile`, 'utf8').replaceAll('\\\n', '').split('\n')
const manifest = JSON.parse(readFileSync(`${ROOT}/signaling-server/package.json`, 'utf8'))

const argumentsOf = (instruction: string) =>
  lines.filter((line) => line.trim().startsWith(`${instruction} `)).map((line) => line.trim().split(/\s+/).slice(1))

describe('the Dockerfile', () => {
  it('[SIG32] copies what exists', () => {
    const copied = argumentsOf('COPY')
      .filter(([first]) => first?.startsWith('--from') === false)
      .flatMap((args) => args.slice(0, -1))
    expect(copied.length).toBeGreaterThan(5)
    for (const path of copied) expect(existsSync(`${ROOT}/${path}`), path).toBe(true)
  })

  it('[SIG32] starts what is published, on the Node that it asks for, and builds what it copies', () => {
    const [, program] = JSON.parse(argumentsOf('ENTRYPOINT').flat().join(' '))
    expect(program).toBe(`signaling-server/${manifest.bin['legion-signaling']}`)
    expect(argumentsOf('COPY').flat()).toContain('/build/signaling-server/dist')
    const major = Number(/\d+/.exec(manifest.engines.node)?.[0])
    for (const [image] of argumentsOf('FROM')) expect(image).toBe(`node:${major}-alpine`)
  })

  it('[SIG32] runs as nobody of importance, with the Redis client that the package asks for, and a check of its health', () => {
    expect(argumentsOf('USER').at(-1)).toEqual(['node'])
    expect(argumentsOf('HEALTHCHECK').flat().join(' ')).toContain('/healthz')
    const major = /\d+/.exec(manifest.peerDependencies.redis)?.[0]
    expect(argumentsOf('RUN').flat()).toContain(`redis@${major}`)
  })
})
