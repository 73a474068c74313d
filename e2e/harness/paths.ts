import { fileURLToPath } from 'node:url'

const fromRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

export const paths = {
  root: fromRoot('.'),
  signalingCli: fromRoot('signaling-server/dist/cli.js'),
  peerCli: fromRoot('node-peer/dist/cli.js'),
  demoSite: fromRoot('demo-web/dist/site'),
  demoMachine: fromRoot('demo-web/dist/machine/theatre.js'),
  page: fromRoot('e2e/page'),
  pageBuild: fromRoot('e2e/page/dist'),
  newerDemoMachine: fromRoot('e2e/machines/demo-theatre-2.js'),
  labMachine: fromRoot('e2e/machines/theatre.js'),
  labProgram: fromRoot('e2e/network/lab-program.js'),
  counterExample: fromRoot('examples/counter/main.ts'),
  examples: fromRoot('examples'),
  examplesSite: fromRoot('examples/dist/site'),
  readme: fromRoot('README.md'),
  library: fromRoot('lib'),
  vite: fromRoot('node_modules/vite/bin/vite.js'),
  tsc: fromRoot('node_modules/typescript/bin/tsc'),
}
