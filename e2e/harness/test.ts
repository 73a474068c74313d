import { writeFile } from 'node:fs/promises'
import { test as base } from '@playwright/test'
import { Browsers } from './browsers.js'
import { Cluster, type World } from './cluster.js'
import { paths } from './paths.js'
import { Signaling } from './signaling.js'
import { Site } from './site.js'

export { expect } from '@playwright/test'

interface TestFixtures {
  /** A signaling server of the test's own, which it may stop. To be named before `cluster`, which ends first then. */
  readonly signaling: Signaling
  /** Of a name that no other test has. */
  readonly cluster: Cluster
}

interface WorkerFixtures {
  readonly world: World
}

/** Playwright's test with a cluster in it. Fails if a tab complained of anything that the test does not expect. */
export const test = base.extend<TestFixtures, WorkerFixtures>({
  world: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures wanted from the pattern
    async ({}, use) => {
      const browsers = new Browsers()
      const signaling = await Signaling.start()
      const lab = await Site.serve(paths.pageBuild)
      const demo = await Site.serve(paths.demoSite)
      const examples = await Site.serve(paths.examplesSite)
      const urls = { labUrl: lab.url, demoUrl: demo.url, examplesUrl: examples.url }
      await use({ browsers, signalingUrl: signaling.url, ...urls })
      await Promise.all([browsers.close(), signaling.stop(), lab.close(), demo.close(), examples.close()])
    },
    { scope: 'worker' },
  ],
  // biome-ignore lint/correctness/noEmptyPattern: as above
  signaling: async ({}, use) => {
    const signaling = await Signaling.start()
    await use(signaling)
    await signaling.stop()
  },
  cluster: async ({ world }, use, testInfo) => {
    const cluster = new Cluster(`${testInfo.testId}-${testInfo.repeatEachIndex}`, world)
    await use(cluster)
    const { problems } = cluster
    if (testInfo.errors.length > 0) await writeFile(testInfo.outputPath('log.txt'), await cluster.log())
    await cluster.end()
    base.expect(problems, 'what the tabs complained of').toEqual([])
  },
})
