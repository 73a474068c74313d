import { existsSync } from 'node:fs'
import { type Browser, chromium, firefox } from '@playwright/test'

const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
]
/** Names of hosts instead of addresses, resolved by multicast, which not every machine lets through. */
const FIREFOX_PREFERENCES = { 'media.peerconnection.ice.obfuscate_host_addresses': false }

/** The browsers of one test worker, each launched when the first test wants it. */
export class Browsers {
  #chromium: Promise<Browser> | undefined
  #firefox: Promise<Browser> | undefined

  chromium(): Promise<Browser> {
    this.#chromium ??= launchChromium()
    return this.#chromium
  }

  firefox(): Promise<Browser> {
    this.#firefox ??= launchFirefox()
    return this.#firefox
  }

  async close(): Promise<void> {
    await Promise.all([this.#chromium, this.#firefox].map(async (browser) => (await browser)?.close()))
  }
}

/** The system's Chromium if there is one, else Playwright's own. */
export function launchChromium(executablePath = chromiumPath()): Promise<Browser> {
  return chromium.launch({ args: CHROMIUM_ARGS, ...(executablePath !== undefined && { executablePath }) })
}

/** Undefined where only Playwright knows. */
export function chromiumPath(): string | undefined {
  return installed(process.env['LEGION_CHROMIUM'], '/usr/bin/chromium')
}

/** The system's Firefox is not patched for Playwright: it is driven by its own remote protocol. */
function launchFirefox(): Promise<Browser> {
  const executablePath = installed(process.env['LEGION_FIREFOX'], '/usr/bin/firefox-esr')
  const unpatched = executablePath !== undefined && { channel: 'moz-firefox', executablePath }
  return firefox.launch({ firefoxUserPrefs: FIREFOX_PREFERENCES, ...unpatched })
}

function installed(chosen: string | undefined, usual: string): string | undefined {
  return chosen ?? (existsSync(usual) ? usual : undefined)
}
