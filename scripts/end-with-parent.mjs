// Preloaded into a child with a channel to its parent: ends it properly when the parent is gone, even if killed.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
process.channel?.unref()
