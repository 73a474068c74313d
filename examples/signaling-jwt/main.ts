// A signaling server that knows its users:
//
//     JWT_KEY=$(openssl rand -hex 32) node main.js
//
// A page shows its token with `Legion.join({ …, credential: () => currentToken })`. It is asked for at every connection, so
// a token need not live longer than the page takes to get the next one.
import { createSignalingServer, jsonLog } from 'legion-signaling'
import { jwtAuthorize } from './authorize.js'

const key = process.env['JWT_KEY']
if (key === undefined) throw new Error('JWT_KEY must be the key that tokens are signed with, in hex')

const server = createSignalingServer({
  authorize: jwtAuthorize(Buffer.from(key, 'hex')),
  origins: ['https://app.example.org'],
  log: jsonLog('info', (line) => process.stdout.write(line)),
})
await server.listen(4455)
process.once('SIGTERM', () => void server.close({ drainMs: 5000 }))
