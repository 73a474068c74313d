import { writeFile } from 'node:fs/promises'
import { type Browser, test as base } from '@playwright/test'
import { chromiumPath, launchChromium } from '../harness/browsers.js'
import { paths } from '../harness/paths.js'
import { Signaling } from '../harness/signaling.js'
import { Site } from '../harness/site.js'
import { LabTab } from '../harness/tab.js'
import { type NetworkPeer, ProcessPeer, type ProcessPeerOptions, TabPeer } from './network-peer.js'
import { type Host, VirtualNetwork, whyNoVirtualNetwork } from './virtual-network.js'

export { expect } from '@playwright/test'

/** Peers of one cluster, each on a machine of its own. */
export class NetworkCluster {
  readonly network = new VirtualNetwork()
  readonly #name: string
  readonly #browsers: Browser[] = []
  readonly #peers: NetworkPeer[] = []
  #site: Site | undefined
  #signaling: Signaling | undefined

  constructor(name: string) {
    this.#name = name
  }

  get signaling(): Signaling {
    if (this.#signaling === undefined) throw new Error('start the signaling server first')
    return this.#signaling
  }

  /** At the address of this process, which hosts can be cut off from. */
  async startSignaling(iceServers: readonly object[] = []): Promise<void> {
    this.#signaling = await Signaling.start(this.network.address, '--ice', JSON.stringify(iceServers))
  }

  /** A tab of a Chromium on a host of its own; it has the state when it is here. */
  async openTab(name: string, host = this.network.addHost(name)): Promise<NetworkPeer> {
    this.#site ??= await Site.serve(paths.pageBuild, this.network.address)
    const browser = await launchChromium(this.network.script(host, chromiumPath() ?? 'chromium'))
    this.#browsers.push(browser)
    const page = await (await browser.newContext()).newPage()
    const tab = new LabTab(page, { cluster: this.#name, signaling: this.signaling.url, name })
    await page.goto(this.#site.url)
    const peer = await TabPeer.join(host, tab)
    this.#peers.push(peer)
    return peer
  }

  /** A process that has the state. */
  async startPeer(name: string, webrtc: ProcessPeerOptions['webrtc']): Promise<NetworkPeer> {
    const peer = await this.openPeer(name, webrtc, this.network.addHost(name))
    await peer.ready()
    return peer
  }

  /** A process that is on its way into the cluster. */
  async openPeer(name: string, webrtc: ProcessPeerOptions['webrtc'], host: Host): Promise<ProcessPeer> {
    const program = this.network.script(host, `${process.execPath} ${paths.labProgram}`)
    const options = { cluster: this.#name, signaling: this.signaling.url, name, webrtc }
    const peer = await ProcessPeer.open(host, program, options)
    this.#peers.push(peer)
    return peer
  }

  /** What everybody wrote, in the order of time; last what they say of themselves. */
  async log(): Promise<string> {
    const lines = this.#peers.flatMap(({ log }) => log).sort()
    const states = await Promise.all(
      this.#peers.map(async (peer) => `${peer.name} ${await peer.describe().catch(String)}`),
    )
    return [...lines, ...states].join('\n')
  }

  async end(): Promise<void> {
    await Promise.all(this.#browsers.map((browser) => browser.close()))
    await Promise.all(this.#peers.map((peer) => peer instanceof ProcessPeer && peer.kill()))
    await Promise.all([this.#site?.close(), this.#signaling?.stop()])
    this.network.destroy()
  }
}

/** Playwright's test with peers in a virtual network; skipped where there can't be one. */
export const test = base.extend<{ readonly cluster: NetworkCluster }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures wanted from the pattern
  cluster: async ({}, use, testInfo) => {
    const problem = whyNoVirtualNetwork()
    testInfo.skip(problem !== undefined, `needs a virtual network: ${problem}`)
    const cluster = new NetworkCluster(`${testInfo.testId}-${testInfo.repeatEachIndex}`)
    try {
      await use(cluster)
      if (testInfo.errors.length > 0) await writeFile(testInfo.outputPath('log.txt'), await cluster.log())
    } finally {
      await cluster.end()
    }
  },
})
