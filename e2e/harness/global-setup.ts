import { existsSync } from 'node:fs'
import { build } from 'vite'
import { paths } from './paths.js'

/** Builds the pages under test; what it takes from other packages must be built. */
export default async function globalSetup(): Promise<void> {
  requireBuilt([paths.signalingCli, paths.peerCli], 'npm run build')
  requireBuilt([paths.demoSite, paths.demoMachine], 'npm run build -w demo-web')
  await build({ configFile: `${paths.page}/vite.config.ts` })
  await build({ configFile: `${paths.examples}/vite.config.ts` })
}

function requireBuilt(files: readonly string[], command: string): void {
  for (const file of files) if (!existsSync(file)) throw new Error(`${file} is missing: run \`${command}\` first.`)
}
