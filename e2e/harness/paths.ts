import { fileURLToPath } from 'node:url'

const fromRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

export const paths = {
  root: fromRoot('.'),
  signalingCli: fromRoot('signaling-server/dist/cli.js'),
  peerCli: fromRoot('node-peer/dist/cli.js'),
  demo: fromRoot('demo-web'),
  demoBuild: fromRoot('demo-web/dist'),
  page: fromRoot('e2e/page'),
  pageBuild: fromRoot('e2e/page/dist'),
  theatreMachine: fromRoot('e2e/machines/theatre.js'),
  counterExample: fromRoot('examples/counter/main.ts'),
  readme: fromRoot('README.md'),
  library: fromRoot('lib'),
}
