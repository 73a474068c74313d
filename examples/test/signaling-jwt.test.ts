import { SignJWT } from 'jose'
import { Legion } from 'legion-mesh'
import { nodePlatform } from 'legion-mesh/node'
import { createSignalingServer, type SignalingServer } from 'legion-signaling'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AUDIENCE, ISSUER, jwtAuthorize } from '../signaling-jwt/authorize.js'

const KEY = new TextEncoder().encode('only the login server knows this one')

interface Claims {
  readonly issuer?: string
  readonly expires?: string
  readonly room?: string
  readonly key?: Uint8Array
}

function tokenOf({ issuer = ISSUER, expires = '1 minute', room, key = KEY }: Claims = {}): Promise<string> {
  return new SignJWT(room === undefined ? {} : { room })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('ann')
    .setIssuer(issuer)
    .setAudience(AUDIENCE)
    .setExpirationTime(expires)
    .sign(key)
}

describe('the signaling server that asks for a JWT', { timeout: 30_000 }, () => {
  let server: SignalingServer
  const events: Record<string, unknown>[] = []

  beforeAll(async () => {
    server = createSignalingServer({
      authorize: jwtAuthorize(KEY),
      warmupMs: 0,
      log: (_level, event, fields) => events.push({ event, ...fields }),
    })
    await server.listen(0, '127.0.0.1')
  })

  afterAll(() => server.close())

  async function open(credential: string | undefined): Promise<Legion> {
    const signaling = String(server.url)
    return Legion.open({ cluster: 'jwt', signaling, credential, platform: await nodePlatform() })
  }

  it('[SIG27] lets in who shows a sound one, by name', async () => {
    await using legion = await open(await tokenOf())
    await legion.ready
    expect(legion.status().mesh.rendezvous).toBe('joined')
    expect(events).toContainEqual(expect.objectContaining({ event: 'hello', name: 'ann' }))
  })

  it.each([
    ['none', async () => undefined, 'no token'],
    ['an expired one', () => tokenOf({ expires: '1 minute ago' }), 'ERR_JWT_EXPIRED'],
    ["a stranger's", () => tokenOf({ key: KEY.slice().reverse() }), 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'],
    ['one of another issuer', () => tokenOf({ issuer: 'https://evil.example' }), 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    ['one for another room', () => tokenOf({ room: 'elsewhere' }), 'a token for another room'],
  ])('[SIG27] refuses who shows %s', async (_what, token, reason) => {
    await using legion = await open(await token())
    await expect.poll(() => legion.status().mesh.problem, { timeout: 10_000 }).toContain('credential')
    expect(events).toContainEqual(expect.objectContaining({ event: 'unauthorized', reason }))
  })
})
