// Finds the browsers for the end to end tests: the system's, else Playwright's own download, else, as root on Debian,
// apt's. Says in one sentence what to do when none of these works.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const SYSTEM = {
  chromium: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
  firefox: ['/usr/bin/firefox-esr', '/usr/bin/firefox'],
}

/** Paths of the system's browsers, both undefined if Playwright has its own; or a problem. */
export function ensureBrowsers() {
  const found = systemBrowsers()
  if (isComplete(found)) return found
  if (succeeds('npx', ['playwright', 'install', 'chromium', 'firefox'])) return {}
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    succeeds('apt-get', ['update', '-qq'])
    succeeds('apt-get', ['install', '-y', '-qq', 'chromium', 'firefox-esr'])
  }
  const installed = systemBrowsers()
  return isComplete(installed)
    ? installed
    : { problem: 'Chromium and Firefox are needed: install both, or run `npx playwright install chromium firefox`.' }
}

function systemBrowsers() {
  return {
    chromium: SYSTEM.chromium.find((path) => existsSync(path)),
    firefox: SYSTEM.firefox.find((path) => existsSync(path)),
  }
}

function isComplete(browsers) {
  return browsers.chromium !== undefined && browsers.firefox !== undefined
}

function succeeds(command, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env, timeout: 300_000 }).status === 0
}
