import { createSignalingServer } from 'legion-signaling'

// The real server in a process of its own. No cluster is older than the server here, so nobody has to wait for one.
const server = createSignalingServer({ warmupMs: 0 })
await server.listen(0, '127.0.0.1')
process.send?.(server.url)
process.on('disconnect', () => process.exit())
