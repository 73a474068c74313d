import { existsSync } from 'node:fs'
import { type Browser, chromium } from '@playwright/test'

const SYSTEM_CHROMIUM = '/usr/bin/chromium'
const ARGS = ['--no-sandbox', '--disable-features=WebRtcHideLocalIpsWithMdns']

export function launchChromium(): Promise<Browser> {
  const executablePath = existsSync(SYSTEM_CHROMIUM) ? SYSTEM_CHROMIUM : undefined
  return chromium.launch({ args: ARGS, ...(executablePath !== undefined && { executablePath }) })
}
