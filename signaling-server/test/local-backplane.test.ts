import { SimulatedClock } from '../../lib/src/testing/simulated-runtime.js'
import { LocalBackplane } from '../src/local-backplane.js'
import { backplaneContract, GRACE_MS } from './backplane-contract.js'

backplaneContract('LocalBackplane', async (limits) => {
  const clock = new SimulatedClock()
  const backplane = new LocalBackplane({ clock: clock.fork(1), warmupMs: 0, graceMs: GRACE_MS, limits })
  await backplane.start()
  await clock.run(1)
  return { instances: [backplane], pass: (ms) => clock.run(ms), close: () => backplane.close() }
})
