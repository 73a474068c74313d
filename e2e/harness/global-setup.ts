import { existsSync } from 'node:fs'
import { build } from 'vite'
import { paths } from './paths.js'

/** Builds the page under test; what `npm run build` makes must be there. */
export default async function globalSetup(): Promise<void> {
  for (const path of [paths.signalingCli, paths.peerCli]) {
    if (!existsSync(path)) throw new Error(`${path} is missing: run \`npm run build\` first.`)
  }
  await build({ configFile: `${paths.page}/vite.config.ts` })
}
